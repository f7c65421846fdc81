#include "layers/conda/channel/channel_relations.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

ChannelConfig alias_config() {
    ChannelConfig config;
    config.alias = "https://conda.example";
    config.custom_channels = {{"ours", "https://conda.example/teams"}};
    return config;
}

Channel channel_named(std::string_view written) {
    return parse_channel(written, alias_config()).value().at(0);
}

std::vector<Channel> channels_named(const std::vector<std::string>& written) {
    std::vector<Channel> parsed;
    for (const std::string& each : written) {
        parsed.push_back(channel_named(each));
    }
    return parsed;
}

std::string resolved(std::string_view from, std::string_view reference) {
    return resolve_channel(channel_named(from), reference, alias_config()).value().base_url();
}

ChannelRelation base(std::string_view declaring, std::string_view related) {
    return {channel_named(declaring), RelationKind::base, channel_named(related)};
}

ChannelRelation overrides(std::string_view declaring, std::string_view related) {
    return {channel_named(declaring), RelationKind::overrides, channel_named(related)};
}

/// By name, as the alias has them.
Result<std::vector<std::string>> order(
    const std::vector<std::string>& named, const std::vector<ChannelRelation>& relations
) {
    TRY_ASSIGN(std::vector<std::string> urls, order_channels(channels_named(named), relations));
    for (std::string& url : urls) {
        url = Channel::from_url(url)->with_configured_name(alias_config()).name();
    }
    return urls;
}

// --- references

TEST(ChannelReference, IsSeenFromTheBaseUrlOfTheChannel) {
    EXPECT_EQ(resolved("bioconda", "../conda-forge"), "https://conda.example/conda-forge");
    EXPECT_EQ(resolved("conda-forge/label/rc", "../.."), "https://conda.example/conda-forge");
    EXPECT_EQ(resolved("conda-forge/label/rc", "../../"), "https://conda.example/conda-forge");
    EXPECT_EQ(resolved("a", "../b/./label//dev"), "https://conda.example/b/label/dev");
    EXPECT_EQ(resolved("https://conda.example/a/linux-64", "../b"), "https://conda.example/b");
    EXPECT_EQ(resolved("https://c.example:8443/a", "../"), "https://c.example:8443");
    EXPECT_EQ(
        resolved("oci://ghcr.example/mirrors/bioconda", "../conda-forge"),
        "oci://ghcr.example/mirrors/conda-forge"
    );
    EXPECT_EQ(resolved("file:///srv/mine", "../base"), "file:///srv/base");
}

TEST(ChannelReference, BringsTheNameThatTheConfigurationHas) {
    const auto name = [](std::string_view from, std::string_view reference) {
        return resolve_channel(channel_named(from), reference, alias_config())->name();
    };

    EXPECT_EQ(name("bioconda", "../conda-forge"), "conda-forge");
    EXPECT_EQ(name("bioconda", "../teams/ours"), "ours");
    EXPECT_EQ(name("https://else.example/a", "../b"), "https://else.example/b");
}

TEST(ChannelReference, TakesNoCredentialsAlong) {
    const Channel secret = channel_named("https://me:pw@c.example/t/tk-1/mine");

    const auto related = resolve_channel(secret, "../base", alias_config());

    ASSERT_THAT(related, Succeeds());
    EXPECT_EQ(related->base_url(), "https://c.example/base");
    EXPECT_TRUE(related->secret().is_empty());
    // The token is no step of the path: nothing above the host is reached through it.
    EXPECT_THAT(
        resolve_channel(secret, "../../base", alias_config()),
        FailsSaying(Code::invalid_input, "above")
    );
    const auto with_token = resolve_channel(channel_named("a"), "../t/tk-2/b", alias_config());
    ASSERT_THAT(with_token, FailsSaying(Code::invalid_input, "a token"));
    EXPECT_THAT(with_token.error().message, Not(HasSubstr("tk-2")));
}

TEST(ChannelReference, LeadsToAnotherChannelOfTheSameHostOnly) {
    const std::pair<const char*, const char*> cases[] = {
        {"conda-forge", "does not begin with"},
        {"", "does not begin with"},
        {"..", "does not begin with"},
        {"./x", "does not begin with"},
        {"/conda-forge", "does not begin with"},
        {"\x1b[2J", "\"\\u001b[2J\" as related"},
        {"//else.example/a", "does not begin with"},
        {"https://else.example/a", "does not begin with"},
        {"../../a", "above the host"},
        {"../a/../../b", "above the host"},
        {"../%2e%2E/a", "hides"},
        {"../a%2Fb", "hides"},
        {"../a b", "no URL has"},
        {"../a?b", "no URL has"},
        {"../a#b", "no URL has"},
        {"../a\\b", "no URL has"},
        {"../conda-forge/noarch", "noarch is a subdir"},
        {"../bioconda", "the channel itself"},
        {"../x/../bioconda/", "the channel itself"}};
    for (const auto& [reference, why] : cases) {
        const auto related = resolve_channel(channel_named("bioconda"), reference, alias_config());

        ASSERT_THAT(related, FailsSaying(Code::invalid_input, why)) << reference;
        EXPECT_THAT(related.error().message, HasSubstr("channel bioconda"));
        EXPECT_THAT(related.error().hint, HasSubstr("\"../NAME\""));
    }
    EXPECT_THAT(
        resolve_channel(channel_named("file:///srv/c"), "../..", alias_config()),
        FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(
        resolve_channel(channel_named("file:///srv/c"), "../../../etc", alias_config()),
        FailsSaying(Code::invalid_input, "above")
    );
    EXPECT_THAT(
        resolve_channel(channel_named("a"), "../" + std::string(5000, 'a'), alias_config()),
        FailsSaying(Code::invalid_input, "too long")
    );
}

// --- what a repodata says

TEST(ChannelRelations, AreABaseAndWhatIsOverridden) {
    const auto relations = read_channel_relations(
        R"({"base": "../conda-forge", "overrides": "../my-hotfixes"})",
        channel_named("mine"),
        alias_config()
    );

    ASSERT_THAT(relations, Succeeds());
    ASSERT_THAT(*relations, SizeIs(2));
    EXPECT_EQ(relations->at(0).describe(), "mine builds upon conda-forge");
    EXPECT_EQ(relations->at(0).before().name(), "conda-forge");
    EXPECT_EQ(relations->at(1).describe(), "mine overrides my-hotfixes");
    EXPECT_EQ(relations->at(1).after().name(), "my-hotfixes");
}

TEST(ChannelRelations, MayBeNoneAndMayHaveKeysOfTheFuture) {
    for (const char* text : {"", "{}", "null", R"({"base": null})", R"({"beside": ["../x"]})"}) {
        const auto relations = read_channel_relations(text, channel_named("mine"), alias_config());

        ASSERT_THAT(relations, Succeeds()) << text;
        EXPECT_THAT(*relations, IsEmpty()) << text;
    }
}

TEST(ChannelRelations, OfAnotherFormAreRefusedNamingTheChannel) {
    const std::pair<const char*, const char*> cases[] = {
        {"[]", "channel_relations of mine must be a JSON object"},
        {R"("../conda-forge")", "channel_relations of mine must be a JSON object"},
        {R"({"base": ["../a"]})", "\"base\" of the channel_relations of mine must be a string"},
        {R"({"overrides": 7})", "\"overrides\" of the channel_relations of mine must be a string"},
        {R"({"base": "conda-forge"})", "channel mine"},
        {R"({"base": "../a", "overrides": "../b/../a"})", "no channel can be at once"}};
    for (const auto& [text, why] : cases) {
        const auto relations = read_channel_relations(text, channel_named("mine"), alias_config());

        ASSERT_THAT(relations, FailsSaying(Code::invalid_input, why)) << text;
        EXPECT_THAT(relations.error().hint, HasSubstr("channel_relations_max_depth = 0")) << text;
    }
}

// --- the examples of cep-42

TEST(ChannelOrder, ABaseGoesBeforeTheChannelThatBuildsUponIt) {
    const auto ordered = order({"bioconda"}, {base("bioconda", "conda-forge")});

    EXPECT_THAT(*ordered, ElementsAre("conda-forge", "bioconda"));
}

TEST(ChannelOrder, ALabelGoesBeforeTheChannelThatItOverrides) {
    const auto ordered =
        order({"conda-forge/label/rc"}, {overrides("conda-forge/label/rc", "conda-forge")});

    EXPECT_THAT(*ordered, ElementsAre("conda-forge/label/rc", "conda-forge"));
}

TEST(ChannelOrder, RelationsAreFollowedFromChannelToChannel) {
    const auto ordered =
        order({"my-channel"}, {base("my-channel", "bioconda"), base("bioconda", "conda-forge")});

    EXPECT_THAT(*ordered, ElementsAre("conda-forge", "bioconda", "my-channel"));
}

TEST(ChannelOrder, AChannelMayStandBetweenItsBaseAndWhatItOverrides) {
    const auto ordered = order(
        {"my-channel"}, {base("my-channel", "conda-forge"), overrides("my-channel", "my-hotfixes")}
    );

    EXPECT_THAT(*ordered, ElementsAre("conda-forge", "my-channel", "my-hotfixes"));
}

TEST(ChannelOrder, TheUsersOrderCountsWhateverIsDeclared) {
    const std::vector<ChannelRelation> relations{base("bioconda", "conda-forge")};

    EXPECT_THAT(
        *order({"conda-forge", "bioconda"}, relations), ElementsAre("conda-forge", "bioconda")
    );
    EXPECT_THAT(
        *order({"bioconda", "conda-forge"}, relations), ElementsAre("bioconda", "conda-forge")
    );
    EXPECT_THAT(
        *order({"bioconda", "x", "conda-forge"}, relations),
        ElementsAre("bioconda", "x", "conda-forge")
    );
}

TEST(ChannelOrder, SubdirsMayDeclareDifferentRelationsAndOneChannelTwice) {
    const std::vector<ChannelRelation> of_linux{base("a", "shared"), overrides("a", "linux-only")};
    const std::vector<ChannelRelation> of_noarch{base("a", "shared")};
    std::vector<ChannelRelation> both = of_linux;
    both.insert(both.end(), of_noarch.begin(), of_noarch.end());

    EXPECT_THAT(*order({"a"}, both), ElementsAre("shared", "a", "linux-only"));
    EXPECT_THAT(*related_channels(channels_named({"a"}), both, 10), SizeIs(2));
}

// --- where several orders are possible

TEST(ChannelOrder, RelatedChannelsStandSideBySide) {
    EXPECT_THAT(
        *order({"rc", "other"}, {overrides("rc", "main")}), ElementsAre("rc", "main", "other")
    );
    EXPECT_THAT(
        *order({"other", "bio"}, {base("bio", "forge")}), ElementsAre("other", "forge", "bio")
    );
    EXPECT_THAT(
        *order({"a", "b"}, {base("a", "p"), base("b", "q")}), ElementsAre("p", "a", "q", "b")
    );
    EXPECT_THAT(
        *order({"a", "b"}, {overrides("a", "p"), overrides("b", "q")}),
        ElementsAre("a", "p", "b", "q")
    );
}

TEST(ChannelOrder, ABaseOfSeveralGoesBeforeAllOfThem) {
    EXPECT_THAT(
        *order({"a", "b"}, {base("a", "forge"), base("b", "forge")}), ElementsAre("forge", "a", "b")
    );
    EXPECT_THAT(
        *order({"a", "b", "c"}, {overrides("a", "m"), overrides("c", "m")}),
        ElementsAre("a", "b", "c", "m")
    );
}

// --- cycles and depth

TEST(ChannelOrder, ACycleIsAnErrorThatNamesIt) {
    const auto two = order({"a"}, {base("a", "b"), base("b", "a")});
    const auto three =
        order({"a"}, {overrides("a", "b"), overrides("b", "c"), overrides("c", "a")});
    const auto of_subdirs = order({"a"}, {base("a", "b"), overrides("a", "b")});

    EXPECT_THAT(two, FailsSaying(Code::invalid_input, "a before b, b before a"));
    EXPECT_THAT(three, FailsSaying(Code::invalid_input, "a before b, b before c, c before a"));
    EXPECT_THAT(of_subdirs, FailsSaying(Code::invalid_input, "a before b, b before a"));
    EXPECT_THAT(three.error().hint, HasSubstr("name these channels in the order wanted"));
}

TEST(ChannelOrder, ACycleThroughAChannelThatWasNotNamedIsOneTheUsersOrderOrNot) {
    // a before b says the user; x before a and b before x say the channels.
    const auto cycle = order({"a", "b"}, {base("a", "x"), base("x", "b")});

    EXPECT_THAT(cycle, FailsSaying(Code::invalid_input, "a before b, b before x, x before a"));
}

TEST(ChannelOrder, NamingAllOfACycleSettlesIt) {
    const auto ordered = order({"a", "b"}, {base("a", "b"), base("b", "a")});

    EXPECT_THAT(*ordered, ElementsAre("a", "b"));
}

TEST(RelatedChannels, AreFollowedAsFarAsTheDepthAllows) {
    const std::vector<ChannelRelation> chain{base("a", "b"), base("b", "c"), base("c", "d")};

    const auto all = related_channels(channels_named({"a"}), chain, 3);
    const auto less = related_channels(channels_named({"a"}), chain, 2);

    ASSERT_THAT(all, Succeeds());
    ASSERT_THAT(*all, SizeIs(3));
    EXPECT_EQ(all->at(2).describe(), "c builds upon d");
    EXPECT_THAT(
        less, FailsSaying(Code::invalid_input, "further than 2 steps: a, then b, then c, then d")
    );
    EXPECT_THAT(less.error().hint, HasSubstr("channel_relations_max_depth"));
}

TEST(RelatedChannels, AreCountedByTheShortestWay) {
    const std::vector<ChannelRelation> relations{
        base("a", "b"), base("b", "c"), base("c", "d"), overrides("z", "d")};

    EXPECT_THAT(related_channels(channels_named({"a", "z"}), relations, 2), Succeeds());
}

TEST(RelatedChannels, AreNoneOfThoseThatWereNamed) {
    const std::vector<ChannelRelation> relations{base("a", "b"), base("unknown", "c")};

    EXPECT_THAT(*related_channels(channels_named({"a", "b"}), relations, 10), IsEmpty());
    EXPECT_THAT(*related_channels(channels_named({"a", "b/noarch"}), relations, 10), IsEmpty());
}

TEST(RelatedChannels, AreNotMoreThanChannelsMayBe) {
    std::vector<ChannelRelation> star;
    for (std::size_t i = 0; i < k_channels; ++i) {
        star.push_back(base("a", "x" + std::to_string(i)));
    }

    EXPECT_THAT(related_channels(channels_named({"a"}), star, 10), FailsWith(Code::too_large));
    EXPECT_THAT(order({"a"}, star), FailsWith(Code::too_large));
}

// --- laws

std::string letter(int index) {
    return std::string(1, static_cast<char>('a' + index));
}

/// Few channels, so that they meet often.
std::vector<ChannelRelation> some_relations() {
    std::vector<ChannelRelation> relations;
    const auto count = *rc::gen::inRange(0, 9);
    for (int i = 0; i < count; ++i) {
        const int declaring = *rc::gen::inRange(0, 7);
        const int related = (declaring + *rc::gen::inRange(1, 7)) % 7;
        const bool is_base = *rc::gen::arbitrary<bool>();
        relations.push_back(
            is_base ? base(letter(declaring), letter(related))
                    : overrides(letter(declaring), letter(related))
        );
    }
    return relations;
}

std::vector<std::string> some_named() {
    std::vector<std::string> all{"a", "b", "c", "d"};
    std::vector<std::string> named;
    while (!all.empty() && (named.empty() || *rc::gen::arbitrary<bool>())) {
        const auto at = all.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(all));
        named.push_back(*at);
        all.erase(at);
    }
    return named;
}

std::string outcome(const Result<std::vector<std::string>>& ordered) {
    return ordered ? fmt::format("{}", fmt::join(*ordered, " ")) : ordered.error().message;
}

RC_GTEST_PROP(ChannelOrderLaw, DependsOnNoOrderInWhichRelationsBecomeKnown, ()) {
    const std::vector<std::string> named = some_named();
    const std::vector<ChannelRelation> relations = some_relations();

    std::vector<ChannelRelation> turned = relations;
    for (std::size_t i = turned.size(); i > 1; --i) {
        std::swap(turned[i - 1], turned[*rc::gen::inRange<std::size_t>(0, i)]);
    }
    turned.insert(turned.end(), relations.begin(), relations.end());  // by another subdir too

    RC_ASSERT(outcome(order(named, relations)) == outcome(order(named, turned)));
}

RC_GTEST_PROP(ChannelOrderLaw, KeepsTheUsersOrderAndEveryRelationBesides, ()) {
    const std::vector<std::string> named = some_named();
    const std::vector<ChannelRelation> relations = some_relations();

    const auto ordered = order(named, relations);

    if (!ordered) {
        RC_ASSERT(ordered.error().message.find("form a cycle") != std::string::npos);
        return;
    }
    const auto place = [&](const std::string& name) {
        return std::find(ordered->begin(), ordered->end(), name) - ordered->begin();
    };
    for (std::size_t i = 1; i < named.size(); ++i) {
        RC_ASSERT(place(named[i - 1]) < place(named[i]));
    }
    const auto is_named = [&](const std::string& name) {
        return std::find(named.begin(), named.end(), name) != named.end();
    };
    for (const ChannelRelation& each : relations) {
        const bool settled = is_named(each.before().name()) && is_named(each.after().name());
        if (!settled && place(each.declaring.name()) < std::ssize(*ordered)) {
            RC_ASSERT(place(each.before().name()) < place(each.after().name()));
            RC_ASSERT(place(each.after().name()) < std::ssize(*ordered));
        }
    }
}

}  // namespace
}  // namespace kiln::conda
