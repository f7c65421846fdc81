#include "daemon/conda/channel_error.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::Succeeds;
using ::testing::HasSubstr;

NamedChannel named(std::string_view url, std::string_view name = "") {
    const auto channel = conda::Channel::from_url(url, name);
    EXPECT_THAT(channel, Succeeds());
    return {.channel = *channel, .where = {"environment.yml", 3, 5, 9}};
}

TEST(ChannelError, OfANameSaysWhatItMeans) {
    const Error error = channel_failed(
        {.code = Code::upstream, .message = "refused"}, named("https://c.example/bio", "bio")
    );

    EXPECT_EQ(error.message, "refused");
    EXPECT_EQ(error.where, (Span{"environment.yml", 3, 5, 9}));
    EXPECT_THAT(error.hint, HasSubstr("bio means https://c.example/bio here; channel_alias"));
}

TEST(ChannelError, TurnsAPlaceInTheChannelsFileIntoWords) {
    const Error error = channel_failed(
        {.code = Code::invalid_input,
         .message = "repodata.json is not read",
         .where = Span{"repodata.json", 7, 9, 9}},
        named("file:///srv/c")
    );

    EXPECT_EQ(error.message, "repodata.json is not read (line 7, byte 9)");
    EXPECT_EQ(error.where->file, "environment.yml");
    EXPECT_THAT(error.hint, HasSubstr("damaged"));
}

TEST(ChannelError, KeepsAHintAndLeavesACancellationAlone) {
    const NamedChannel channel = named("https://c.example/c");
    const Error hinted =
        channel_failed({.code = Code::permission, .message = "no", .hint = "ask"}, channel);
    const Error cancelled =
        channel_failed({.code = Code::cancelled, .message = "cancelled"}, channel);

    EXPECT_EQ(hinted.hint, "ask");
    EXPECT_TRUE(hinted.where);
    EXPECT_FALSE(cancelled.where);
    EXPECT_EQ(cancelled.hint, "");
}

TEST(ChannelError, WithoutAPlaceInATextHasNone) {
    NamedChannel channel = named("file:///srv/c");
    channel.where = {};

    const Error error = channel_is_empty(channel, "linux-64");

    EXPECT_FALSE(error.where);
    EXPECT_THAT(error.message, HasSubstr("holds neither linux-64 nor noarch"));
    EXPECT_THAT(error.hint, HasSubstr("linux-64/repodata.json"));
}

TEST(ChannelError, OfARelatedChannelSaysWhoLeadToIt) {
    NamedChannel related = named("https://c.example/forge");
    related.through = {
        .declaring = named("https://c.example/bio", "bio").channel,
        .kind = conda::RelationKind::base,
        .related = related.channel};

    const Error failed = channel_failed({.code = Code::upstream, .message = "refused"}, related);
    const Error empty = channel_is_empty(related, "linux-64");

    for (const Error& error : {failed, empty}) {
        EXPECT_THAT(error.render(), HasSubstr("because bio builds upon https://c.example/forge"));
        EXPECT_THAT(error.hint, HasSubstr("channel_relations_max_depth = 0"));
        EXPECT_EQ(error.where->file, "environment.yml");
    }
}

TEST(ChannelError, OfADirectoryThatOnlyAnotherOneNamesSaysWhichToName) {
    NamedChannel related = named("file:///srv/main");
    related.through = {
        .declaring = named("file:///srv/main/label/rc").channel,
        .kind = conda::RelationKind::overrides,
        .related = related.channel};

    const Error error = directory_not_named(related);

    EXPECT_EQ(error.code, Code::permission);
    EXPECT_THAT(
        error.message, HasSubstr("file:///srv/main/label/rc overrides file:///srv/main, a")
    );
    EXPECT_THAT(error.hint, HasSubstr("-c file:///srv/main behind file:///srv/main/label/rc"));
    EXPECT_EQ(error.where->line, 3U);
}

TEST(ChannelError, OfOneSubdirSpeaksOfThatAlone) {
    const Error error = channel_is_empty(named("https://c.example/c/osx-64"), "linux-64");

    EXPECT_THAT(error.message, HasSubstr("https://c.example/c does not hold osx-64"));
}

}  // namespace
}  // namespace kiln::daemon
