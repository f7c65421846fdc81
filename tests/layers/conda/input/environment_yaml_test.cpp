#include "layers/conda/input/environment_yaml.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

Result<Specification> parse(const std::string& text, const char* platform = "linux-64") {
    return parse_environment_yaml(text, "environment.yml", platform);
}

std::vector<std::string> texts(const std::vector<Written>& list) {
    std::vector<std::string> all;
    for (const Written& each : list) {
        all.push_back(each.text);
    }
    return all;
}

TEST(EnvironmentYaml, ReadsEverySection) {
    const auto read = parse(
        "name: science\nprefix: /opt/science\nchannels:\n  - conda-forge\n  - nodefaults\n"
        "dependencies:\n  - python=3.11\n  - defaults::numpy >=1.20,<2\n  - pip:\n    - "
        "flask==2.0\n"
        "    - -e .\nvariables:\n  B: 1.10\n  A: yes\nplatforms: [linux-64, osx-arm64]\n"
        "category: dev\n"
    );

    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->name, "science");
    EXPECT_EQ(read->prefix, "/opt/science");
    EXPECT_THAT(texts(read->channels), ElementsAre("conda-forge"));
    EXPECT_FALSE(read->appends_default_channels);
    EXPECT_THAT(
        texts(read->specifications), ElementsAre("python=3.11", "defaults::numpy >=1.20,<2")
    );
    EXPECT_THAT(texts(read->pip), ElementsAre("flask==2.0", "-e ."));
    EXPECT_THAT(read->variables, ElementsAre(Pair("B", "1.10"), Pair("A", "yes")));
    EXPECT_THAT(read->platforms, ElementsAre("linux-64", "osx-arm64"));
    EXPECT_EQ(read->category, "dev");
    EXPECT_THAT(read->notices, IsEmpty());
    EXPECT_EQ(read->specifications[1].span, (Span{"environment.yml", 8, 5, 30}));
}

TEST(EnvironmentYaml, ConfiguredChannelsFollowUnlessTheFileSaysOtherwise) {
    EXPECT_TRUE(parse("dependencies: [a]\n")->appends_default_channels);
    EXPECT_TRUE(parse("channels: [x]\ndependencies: [a]\n")->appends_default_channels);
    EXPECT_FALSE(parse("channels: [nodefaults]\ndependencies: [a]\n")->appends_default_channels);
}

TEST(EnvironmentYaml, SelectorsOfBothKindsChooseByPlatform) {
    const std::string text =
        "dependencies:\n  - sel(linux): gcc\n  - sel(win): vs2019\n  - pywin32  # [win]\n"
        "  - patchelf  # [linux64]\n";

    EXPECT_THAT(texts(parse(text)->specifications), ElementsAre("gcc", "patchelf"));
    EXPECT_THAT(texts(parse(text, "win-64")->specifications), ElementsAre("vs2019", "pywin32"));
}

TEST(EnvironmentYaml, ASelectorMayChooseBetweenTwoOfOneKey) {
    const auto read = parse("name: a  # [linux]\nname: b  # [win]\ndependencies: [x]\n");

    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->name, "a");
}

TEST(EnvironmentYaml, UnknownKeysAreToldAndCountForNothing) {
    const auto read = parse("chanels: [a]\nallow-pypi-requests: true\ndependencies: [b]\n");

    ASSERT_THAT(read, Succeeds());
    ASSERT_THAT(read->notices, SizeIs(2));
    EXPECT_THAT(read->notices[0].message, HasSubstr("chanels"));
    EXPECT_EQ(read->notices[0].hint, "did you mean channels?");
    EXPECT_EQ(read->notices[0].where.line, 1U);
    EXPECT_EQ(read->notices[1].hint, "");
}

TEST(EnvironmentYaml, MisspeltDependenciesAreNoEmptyEnvironment) {
    const auto read = parse("name: a\ndependecies:\n  - nltk\n");

    ASSERT_THAT(read, FailsSaying(Code::invalid_input, "has no dependencies, but dependecies"));
    EXPECT_EQ(read.error().hint, "did you mean dependencies?");
    EXPECT_EQ(read.error().where->line, 2U);
}

TEST(EnvironmentYaml, AFileWithoutDependenciesIsTakenAsCondaTakesIt) {
    for (const char* text : {"channels: [a]\n", "dependencies:\n", "dependencies: []\n"}) {
        const auto read = parse(text);
        ASSERT_THAT(read, Succeeds());
        EXPECT_THAT(read->notices, SizeIs(1)) << text;
    }
    EXPECT_THAT(parse("# nothing\n"), FailsSaying(Code::invalid_input, "is empty"));
}

TEST(EnvironmentYaml, RefusesWithThePlaceWhatIsNoDependency) {
    const auto section = parse("dependencies:\n  - a\n  - npm: [left-pad]\n");
    ASSERT_THAT(section, FailsSaying(Code::unsupported, "dependencies of npm"));
    EXPECT_EQ(section.error().where, (Span{"environment.yml", 3, 5, 8}));

    const auto nested = parse("dependencies:\n  - [a]\n");
    ASSERT_THAT(nested, FailsSaying(Code::invalid_input, "a dependency is a list"));
    EXPECT_EQ(nested.error().where->line, 2U);

    EXPECT_THAT(
        parse("dependencies: a\n"), FailsSaying(Code::invalid_input, "is a text, not a list")
    );
    EXPECT_THAT(parse("dependencies:\n  - ''\n"), FailsSaying(Code::invalid_input, "is empty"));
    EXPECT_THAT(
        parse("dependencies:\n  - sel(bsd): a\n"), FailsSaying(Code::invalid_input, "no selector")
    );
    EXPECT_THAT(
        parse("dependencies:\n  - pip: flask\n"), FailsSaying(Code::invalid_input, "not a list")
    );
    EXPECT_THAT(
        parse("dependencies:\n  - \"a\\nb\"\n"), FailsSaying(Code::invalid_input, "one line")
    );
    EXPECT_THAT(
        parse("dependencies:\n  - a  # [py27]\n"), FailsSaying(Code::unsupported, "[py27]")
    );
}

TEST(EnvironmentYaml, RefusesNamesThatAreNone) {
    EXPECT_THAT(
        parse("name: a/b\ndependencies: [c]\n"), FailsSaying(Code::invalid_input, "no name")
    );
    EXPECT_THAT(
        parse("variables: {1A: b}\ndependencies: [c]\n"),
        FailsSaying(Code::invalid_input, "no name of a variable")
    );
    EXPECT_THAT(
        parse("variables: {A: [b]}\ndependencies: [c]\n"),
        FailsSaying(Code::invalid_input, "a list")
    );
    EXPECT_THAT(
        parse("platforms: [noarch]\ndependencies: [c]\n"),
        FailsSaying(Code::invalid_input, "noarch is no platform")
    );
}

TEST(EnvironmentYaml, IsBounded) {
    std::string many = "dependencies:\n";
    for (std::size_t i = 0; i <= k_specification_lines; ++i) {
        many += "- a\n";
    }
    EXPECT_THAT(parse(many), FailsWith(Code::too_large));
    EXPECT_THAT(
        parse("dependencies: [" + std::string(k_specification_bytes + 1, 'a') + "]\n"),
        FailsWith(Code::too_large)
    );
}

}  // namespace
}  // namespace kiln::conda
