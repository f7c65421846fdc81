#include "daemon/config.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;

TEST(CondaConfig, SaysHowChannelsAreFoundAndWhatOpensThem) {
    const auto config = Config::parse(
        R"([conda]
channel_alias = "https://conda.example"
default_channels = ["forge", "more"]
channel_priority = "flexible"
channel_relations_max_depth = 3
[conda.custom_channels]
mine = "https://conda.example/teams"
[conda.custom_multichannels]
both = ["mine", "forge"]
[conda.mirrors]
"https://conda.example/forge" = ["https://mirror.example/forge"]
[conda.credentials."https://conda.example/teams"]
username = "me"
password = "hush"
)",
        "kilnd.toml"
    );

    ASSERT_THAT(config, Succeeds());
    const CondaSettings& conda = config->conda;
    EXPECT_EQ(conda.channels.alias, "https://conda.example");
    EXPECT_THAT(conda.channels.default_channels, ElementsAre("forge", "more"));
    EXPECT_EQ(conda.channels.custom_channels.at("mine"), "https://conda.example/teams");
    EXPECT_THAT(conda.channels.custom_multichannels.at("both"), ElementsAre("mine", "forge"));
    EXPECT_THAT(
        conda.channels.mirrors.at("https://conda.example/forge"),
        ElementsAre("https://mirror.example/forge")
    );
    EXPECT_EQ(conda.priority, conda::ChannelPriority::flexible);
    EXPECT_EQ(conda.channel_relations_max_depth, 3U);
    EXPECT_EQ(conda.secrets.at("https://conda.example/teams").user, "me");
}

TEST(CondaConfig, IsStrictWhereNothingIsSaid) {
    const auto config = Config::parse("", "kilnd.toml");

    ASSERT_THAT(config, Succeeds());
    EXPECT_EQ(config->conda.priority, conda::ChannelPriority::strict);
    EXPECT_EQ(config->conda.channel_relations_max_depth, 10U);
    EXPECT_TRUE(config->conda.secrets.empty());
}

TEST(CondaConfig, RefusesWhatItDoesNotKnowWithItsPlace) {
    const std::pair<std::string, std::string> cases[] = {
        {"conda = 1", "\"conda\" must be a table"},
        {"[conda]\nchannel_aliass = \"x\"", "no setting \"channel_aliass\""},
        {"[conda]\ndefault_channels = \"x\"", "\"default_channels\" must be an array"},
        {"[conda]\nchannel_priority = \"loose\"", "\"strict\", \"flexible\""},
        {"[conda]\npinned_packages = [\"num* <2\"]", "num* <2 names no one package"},
        {"[conda]\nchannel_relations_max_depth = -1", "must be a whole number, not negative"},
        {"[conda.mirrors]\nx = \"y\"", "\"x\" must be an array"},
        {"[conda.credentials.x]\ntoken = \"t\"", "belong to an https:// or oci:// URL"},
        {"[conda.credentials.\"https://x\"]\ntokn = \"t\"", "no setting \"tokn\""},
        {"[conda.credentials.\"https://x\"]\ntoken = \"\"", "a token, or username"}};
    for (const auto& [text, said] : cases) {
        const auto config = Config::parse(text, "kilnd.toml");
        EXPECT_THAT(config, FailsSaying(Code::invalid_input, said)) << text;
        ASSERT_TRUE(config.error().where) << text;
        EXPECT_GT(config.error().where->line, 0U) << text;
    }
}

TEST(WorkspaceConfig, SaysWhereCuratedEnvironmentsComeFrom) {
    const auto config = Config::parse(
        "[workspaces.base]\ncurated_source = \"registry.example/team/curated\"\n"
        "[workspaces.team]\ncurated_source = \"workspace:base\"\n",
        "kilnd.toml"
    );

    ASSERT_THAT(config, Succeeds());
    EXPECT_EQ(followed_by(config->workspaces.at("base")), "");
    EXPECT_EQ(followed_by(config->workspaces.at("team")), "base");
}

TEST(WorkspaceConfig, RefusesToFollowInACircle) {
    const std::pair<std::string, std::string> cases[] = {
        {"[workspaces.a]\ncurated_source = \"\"", "\"curated_source\" is empty"},
        {"[workspaces.a]\ncurated_source = \"workspace:b c\"", "cannot be \"b c\""},
        {"[workspaces.a]\ncurated_source = \"workspace:a\"", "the workspace a follows itself"},
        {"[workspaces.a]\ncurated_source = \"workspace:b\"\n"
         "[workspaces.b]\ncurated_source = \"workspace:a\"",
         "the workspace a follows itself"}};
    for (const auto& [text, said] : cases) {
        EXPECT_THAT(Config::parse(text, "kilnd.toml"), FailsSaying(Code::invalid_input, said))
            << text;
    }
}

}  // namespace
}  // namespace kiln::daemon
