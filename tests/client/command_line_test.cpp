#include "client/command_line.hpp"

#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::expect_golden;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Succeeds;

template<class T>
T parsed(const std::vector<std::string>& words) {
    const auto line = parse_command_line(words);
    EXPECT_THAT(line, Succeeds());
    return line ? std::get<T>(line->arguments.value()) : T();
}

TEST(CommandLine, ReadsABuild) {
    const auto build = parsed<BuildArguments>(
        {"build",
         "-t",
         "a:1",
         "-t",
         "b:1",
         "--build-arg",
         "K=V",
         "--build-arg",
         "L",
         "-f",
         "D",
         "--build-context",
         "env=conda:l",
         "-o",
         "type=oci,dest=x",
         "--label",
         "a=b",
         "--no-cache",
         "--source-date-epoch",
         "7",
         ".",
         "--push"}
    );

    EXPECT_EQ(build.context, ".");
    EXPECT_THAT(build.tags, ElementsAre("a:1", "b:1"));
    EXPECT_THAT(build.build_args, ElementsAre("K=V", "L"));
    EXPECT_THAT(build.build_contexts, ElementsAre("env=conda:l"));
    EXPECT_EQ(build.file, "D");
    EXPECT_EQ(build.source_date_epoch, 7);
    EXPECT_TRUE(build.no_cache);
    EXPECT_TRUE(build.push);
    EXPECT_EQ(build.pull, "missing");
}

TEST(CommandLine, TakesStdinForTheContextAndTheDockerfile) {
    EXPECT_EQ(parsed<BuildArguments>({"build", "-"}).context, "-");
    EXPECT_EQ(parsed<BuildArguments>({"build", "-f", "-", "."}).file, "-");
    EXPECT_EQ(parsed<BuildArguments>({"build", "-f-", "."}).file, "-");
}

TEST(CommandLine, ReadsPullAsAFlagOrWithAValue) {
    EXPECT_EQ(parsed<BuildArguments>({"build", "--pull", "."}).pull, "always");
    EXPECT_EQ(parsed<BuildArguments>({"build", "--pull=never", "."}).pull, "never");
}

TEST(CommandLine, LeavesToTheCommandOfARunWhatFollowsTheImage) {
    const auto plain = parsed<RunArguments>({"run", "-e", "A=1", "app:1", "ls", "-l", "--color"});
    const auto dashed = parsed<RunArguments>({"run", "app:1", "--", "python3", "-c", "print(1)"});
    const auto twice = parsed<RunArguments>({"run", "app:1", "--", "sh", "-c", "x", "--", "y"});
    const auto named =
        parsed<RunArguments>({"--host", "unix:///k", "run", "app:1", "images", "-q"});
    const auto own = parsed<RunArguments>({"run", "--network", "none", "app:1"});

    EXPECT_EQ(plain.image, "app:1");
    EXPECT_THAT(plain.env, ElementsAre("A=1"));
    EXPECT_THAT(plain.command, ElementsAre("ls", "-l", "--color"));
    EXPECT_THAT(dashed.command, ElementsAre("python3", "-c", "print(1)"));
    EXPECT_THAT(twice.command, ElementsAre("sh", "-c", "x", "--", "y"));
    EXPECT_THAT(named.command, ElementsAre("images", "-q"));
    EXPECT_THAT(own.command, IsEmpty());
    EXPECT_EQ(own.network, "none");
}

TEST(CommandLine, TakesGlobalOptionsOnBothSidesOfTheCommand) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--host", "unix:///k", "--progress", "json", "-q", "images"},
          std::vector<std::string>{"images", "--host", "unix:///k", "--progress", "json", "-q"}}) {
        const auto line = parse_command_line(words);

        ASSERT_THAT(line, Succeeds());
        EXPECT_EQ(line->global.host, "unix:///k");
        EXPECT_EQ(line->global.progress, ProgressMode::json);
        EXPECT_TRUE(line->global.quiet);
    }
}

TEST(CommandLine, RefusesByNameWhatALaterKilnWillUnderstand) {
    for (const char* option : {"--secret", "--ssh", "--cache-from", "--cache-to"}) {
        EXPECT_THAT(
            parse_command_line({"build", option, "x", "."}), FailsSaying(Code::unsupported, option)
        );
    }
    EXPECT_THAT(
        parse_command_line({"build", "--check", "."}), FailsSaying(Code::unsupported, "--check")
    );
    EXPECT_THAT(
        parse_command_line({"daemon", "x", "--y"}), FailsSaying(Code::unsupported, "kiln daemon")
    );
}

TEST(CommandLine, FindsCommandsInGroups) {
    const auto list = parse_command_line({"conda", "list", "app:1", "--format", "json", "-q"});
    const auto help = parse_command_line({"conda", "list", "--help"});

    ASSERT_THAT(list, Succeeds());
    EXPECT_EQ(std::get<CondaListArguments>(*list->arguments).image, "app:1");
    EXPECT_EQ(std::get<CondaListArguments>(*list->arguments).format, ListFormat::json);
    EXPECT_TRUE(list->global.quiet);
    ASSERT_THAT(help, Succeeds());
    EXPECT_THAT(help->text, HasSubstr("kiln conda list"));
    EXPECT_THAT(
        parse_command_line({"conda", "loc"}),
        FailsSaying(Code::invalid_input, "kiln conda has no command loc")
    );
    EXPECT_THAT(
        parse_command_line({"conda"}), FailsSaying(Code::invalid_input, "a command is missing")
    );
    EXPECT_THAT(parse_command_line({"conda", "lsit", "x"}), FailsWith(Code::invalid_input));
}

TEST(CommandLine, RefusesWhatMakesNoSense) {
    EXPECT_THAT(parse_command_line({}), FailsSaying(Code::invalid_input, "command"));
    EXPECT_THAT(parse_command_line({"biuld", "."}), FailsWith(Code::invalid_input));
    EXPECT_THAT(parse_command_line({"build"}), FailsSaying(Code::invalid_input, "CONTEXT"));
    EXPECT_THAT(parse_command_line({"build", ".", "extra"}), FailsWith(Code::invalid_input));
    EXPECT_THAT(parse_command_line({"build", "--tga", "x", "."}), FailsWith(Code::invalid_input));
    EXPECT_THAT(
        parse_command_line({"build", "--progress", "loud", "."}),
        FailsSaying(Code::invalid_input, "loud")
    );
    EXPECT_THAT(parse_command_line({"images", "--format", "xml"}), FailsWith(Code::invalid_input));
}

TEST(CommandLine, ReadsALockOfSeveralChannels) {
    const auto line = parse_command_line(
        {"conda",
         "lock",
         "env.yml",
         "-c",
         "one",
         "-c",
         "./two",
         "--virtual",
         "__cuda=12",
         "-o",
         "l"}
    );

    ASSERT_THAT(line, Succeeds());
    const auto& lock = std::get<CondaLockArguments>(*line->arguments);
    EXPECT_EQ(lock.file, "env.yml");
    EXPECT_THAT(lock.channels, ElementsAre("one", "./two"));
    EXPECT_THAT(lock.virtual_packages, ElementsAre("__cuda=12"));
    EXPECT_EQ(lock.output, "l");
}

TEST(CommandLine, ReadsAPull) {
    const auto line =
        parse_command_line({"pull", "registry.example/a:1", "--platform", "linux/arm64"});

    ASSERT_THAT(line, Succeeds());
    const auto& pull = std::get<PullArguments>(*line->arguments);
    EXPECT_EQ(pull.image, "registry.example/a:1");
    EXPECT_EQ(pull.platform, "linux/arm64");
}

TEST(CommandLine, HelpsWithEveryCommand) {
    const auto help = parse_command_line({"--help"});
    const auto build = parse_command_line({"build", "--help"});

    ASSERT_THAT(help, Succeeds());
    EXPECT_FALSE(help->arguments);
    expect_golden("help/kiln.txt", help->text);
    ASSERT_THAT(build, Succeeds());
    EXPECT_FALSE(build->arguments);
    expect_golden("help/build.txt", build->text);
    const auto lock = parse_command_line({"conda", "lock", "--help"});
    ASSERT_THAT(lock, Succeeds());
    expect_golden("help/conda_lock.txt", lock->text);
}

}  // namespace
}  // namespace kiln::client
