#include "daemon/conda/lock_plan.hpp"

#include "tests/support/matchers.hpp"

#include <fmt/format.h>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

CondaSettings settings() {
    CondaSettings settings;
    settings.channels.alias = "https://conda.example";
    settings.channels.default_channels = {"main"};
    return settings;
}

LockRequest request_for(std::string text, std::vector<std::string> channels = {}) {
    LockRequest request;
    request.input = {"environment.yml", std::move(text)};
    request.channels = std::move(channels);
    return request;
}

Result<std::vector<std::string>> channels_of(const LockRequest& request) {
    TRY_ASSIGN(const LockPlan plan, plan_lock(request, "linux-64", settings()));
    std::vector<std::string> urls;
    for (const conda::Channel& channel : plan.channels) {
        urls.push_back(channel.base_url());
    }
    return urls;
}

TEST(LockPlan, TakesTheChannelsOfTheFileThenTheDefaultOnes) {
    const auto channels =
        channels_of(request_for("channels: [forge, main]\ndependencies: [python]\n"));

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(
        *channels, ElementsAre("https://conda.example/forge", "https://conda.example/main")
    );
}

TEST(LockPlan, TakesTheChannelsOfTheRequestInsteadOfTheDefaultOnes) {
    const auto channels =
        channels_of(request_for("channels: [forge]\ndependencies: [python]\n", {"file:///srv/c"}));

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(*channels, ElementsAre("https://conda.example/forge", "file:///srv/c"));
}

TEST(LockPlan, LeavesTheDefaultOnesOutWhereTheFileSaysSo) {
    const auto channels =
        channels_of(request_for("channels: [forge, nodefaults]\ndependencies: [python]\n"));

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(*channels, ElementsAre("https://conda.example/forge"));
}

TEST(LockPlan, TakesAChannelThatASpecificationBringsAlong) {
    const auto channels = channels_of(
        request_for("channels: [nodefaults]\ndependencies: ['bio::samtools', 'c-*::python']\n")
    );

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(*channels, ElementsAre("https://conda.example/bio"));
}

TEST(LockPlan, RefusesSpecificationsWithCredentialsAndDoesNotRepeatThem) {
    for (const char* const spec :
         {"https://conda.example/t/s3cret/bio::samtools",
          "https://me:s3cret@conda.example/bio::samtools[when='python']",
          "t/s3cret/bio::samtools",
          "samtools[channel='https://conda.example/t/s3cret/bio']",
          "samtools[url='https://me:s3cret@conda.example/bio/noarch/samtools-1-0.conda']"}) {
        const LockRequest request = request_for(fmt::format("dependencies: [\"{}\"]\n", spec));
        const auto plan = plan_lock(request, "linux-64", settings());

        ASSERT_THAT(plan, FailsSaying(Code::invalid_input, "samtools names a URL with cred"));
        EXPECT_THAT(plan.error().message + plan.error().hint, Not(HasSubstr("s3cret")));
        EXPECT_EQ(plan.error().where->line, 1);
    }
    EXPECT_THAT(channels_of(request_for("dependencies: ['/srv/t/bio::samtools']\n")), Succeeds());
}

TEST(LockPlan, TakesThePinsOfTheConfigurationAndOfTheRequest) {
    CondaSettings pinning = settings();
    pinning.pinned_packages = parse_pins({"openssl 3.*"}).value();
    LockRequest request = request_for("dependencies: [python]\n");
    request.pins = parse_pins({"numpy <2"}).value();

    const auto plan = plan_lock(request, "linux-64", pinning);

    ASSERT_THAT(plan, Succeeds());
    ASSERT_THAT(plan->pins, SizeIs(2));
    EXPECT_EQ(plan->pins[0].as_written, "openssl 3.*");
    EXPECT_EQ(plan->pins[1].as_written, "numpy <2");
    for (const auto& [pin, said] :
         {std::pair("numpy <<2", "while reading the pin numpy <<2"),
          std::pair("num* <2", "num* <2 names no one package"),
          std::pair("https://conda.example/t/s3cret/c::numpy", "pin of numpy has credentials")}) {
        EXPECT_THAT(parse_pins({pin}), FailsSaying(Code::invalid_input, said));
    }
}

TEST(LockPlan, AddsPipWhereThereIsNothingButAPipPart) {
    const auto plan =
        plan_lock(request_for("dependencies: [{pip: [words]}]\n"), "linux-64", settings());

    ASSERT_THAT(plan, Succeeds());
    ASSERT_THAT(plan->specs, SizeIs(1));
    EXPECT_EQ(plan->specs[0].as_written, "pip");
    EXPECT_THAT(
        plan_lock(request_for("variables: {A: b}\n"), "linux-64", settings()),
        FailsSaying(Code::invalid_input, "environment.yml names no package")
    );
}

TEST(LockPlan, TakesADirectoryOfTheFileForTheClientToOpen) {
    const auto channels =
        channels_of(request_for("channels: [/srv/c, nodefaults]\ndependencies: [python]\n"));

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(*channels, ElementsAre("file:///srv/c"));
}

TEST(LockPlan, TakesAPathOfTheFileFromWhereTheClientIs) {  // cep-24
    LockRequest request =
        request_for("channels: [./c, ../d, nodefaults]\ndependencies: [python]\n");
    request.directory = "file:///srv/work";

    const auto channels = channels_of(request);

    ASSERT_THAT(channels, Succeeds());
    EXPECT_THAT(*channels, ElementsAre("file:///srv/work/c", "file:///srv/d"));
}

TEST(LockPlan, TellsOfVirtualPackagesOfAnotherSystem) {  // cep-30
    LockRequest request = request_for("dependencies: [python]\n");
    for (const char* const written : {"__osx=13", "__cuda=12", "__glibc=2.36"}) {
        request.virtual_packages.push_back(*conda::parse_virtual_override(written));
    }

    const auto plan = plan_lock(request, "linux-64", settings());

    ASSERT_THAT(plan, Succeeds());
    ASSERT_EQ(plan->notices.size(), 1U);
    EXPECT_EQ(plan->notices[0].message, "__osx plays no part on linux-64");
}

TEST(LockPlan, KeepsTheWordsAndPlacesOfTheUser) {
    const auto plan = plan_lock(
        request_for("dependencies:\n  - numpy  >=1\n  - python\n"), "linux-64", settings()
    );

    ASSERT_THAT(plan, Succeeds());
    ASSERT_EQ(plan->specs.size(), 2U);
    EXPECT_EQ(plan->specs[0].as_written, "numpy  >=1");
    EXPECT_EQ(plan->specs[0].where->line, 2U);
    EXPECT_EQ(plan->specs[1].where->line, 3U);
}

TEST(LockPlan, KnowsWhereTheTextNamesAChannelFirst) {
    const auto plan = plan_lock(
        request_for(
            "channels:\n  - /srv/c\n  - forge\ndependencies: ['forge::a', 'bio::b']\n", {"other"}
        ),
        "linux-64",
        settings()
    );

    ASSERT_THAT(plan, Succeeds());
    std::map<std::string, std::uint32_t> lines;
    for (const auto& [url, place] : plan->channel_places) {
        lines[url] = place.line;
    }
    using Lines = std::map<std::string, std::uint32_t>;
    EXPECT_EQ(
        lines,
        (Lines{
            {"file:///srv/c", 2},
            {"https://conda.example/forge", 3},
            {"https://conda.example/bio", 4}})
    );
}

TEST(LockPlan, OfALockHasNothingToResolve) {
    const auto plan = plan_lock(
        request_for(
            "@EXPLICIT\nhttps://conda.example/c/noarch/a-1-0.conda#" + std::string(64, 'a')
        ),
        "linux-64",
        settings()
    );

    ASSERT_THAT(plan, Succeeds());
    EXPECT_TRUE(std::holds_alternative<conda::Lock>(plan->input));
    EXPECT_TRUE(plan->channels.empty());
}

TEST(LockPlan, RefusesWithThePlace) {
    const std::tuple<std::string, std::string, std::uint32_t> cases[] = {
        {"dependencies:\n  - python >=>3\n", "no comparison", 2},
        {"channels: [./here]\ndependencies: [python]\n", "./here", 1},
        {"channels:\n  - 'ftp://x'\ndependencies: [python]\n", "ftp:// is not supported", 2}};
    for (const auto& [text, said, line] : cases) {
        const auto plan = plan_lock(request_for(text), "linux-64", settings());
        EXPECT_THAT(plan, ::testing::Not(Succeeds())) << text;
        EXPECT_NE(plan.error().render().find(said), std::string::npos) << plan.error().render();
        ASSERT_TRUE(plan.error().where) << text;
        EXPECT_EQ(plan.error().where->line, line) << text;
    }
    EXPECT_THAT(
        plan_lock(
            request_for("platforms: [osx-64]\ndependencies: [python]\n"), "linux-64", settings()
        ),
        FailsSaying(Code::invalid_input, "is for osx-64, not for linux-64")
    );
    CondaSettings none = settings();
    none.channels.default_channels.clear();
    EXPECT_THAT(
        plan_lock(request_for("dependencies: [python]\n"), "linux-64", none),
        FailsSaying(Code::invalid_input, "names no channel")
    );
}

}  // namespace
}  // namespace kiln::daemon
