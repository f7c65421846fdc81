#include "layers/conda/channel/channel.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

ChannelConfig config() {
    ChannelConfig config;
    config.alias = "https://conda.example/";
    config.default_channels = {"https://repo.example/pkgs/main", "pkgs/r"};
    config.custom_channels = {{"pkgs/r", "https://repo.example"}};
    config.custom_multichannels = {{"team", {"forge", "https://team.example/own"}}};
    return config;
}

Channel one(std::string_view written) {
    return parse_channel(written, config()).value().at(0);
}

TEST(Channel, ANameStandsBehindTheAlias) {
    const Channel forge = one("conda-forge");

    EXPECT_EQ(forge.name(), "conda-forge");
    EXPECT_EQ(forge.base_url(), "https://conda.example/conda-forge");
    EXPECT_EQ(forge.subdir_url("linux-64"), "https://conda.example/conda-forge/linux-64");
    EXPECT_EQ(one("team/label/dev").base_url(), "https://conda.example/team/label/dev");
    EXPECT_EQ(one("pkgs/r").base_url(), "https://repo.example/pkgs/r");
}

TEST(Channel, AUrlIsTakenAsItIs) {
    EXPECT_EQ(one("HTTPS://Conda.Example:8080/a//b/").base_url(), "https://conda.example:8080/a/b");
    EXPECT_EQ(one("oci://ghcr.example/channel-mirrors/forge").scheme(), "oci");
    EXPECT_EQ(one("https://conda.example").base_url(), "https://conda.example");
    EXPECT_EQ(one("https://c.example/a").name(), "https://c.example/a");
}

TEST(Channel, AFileChannelHasAPath) {
    EXPECT_EQ(one("file:///opt/my%20channel").local_path(), "/opt/my channel");
    EXPECT_EQ(one("file://localhost/opt/c").base_url(), "file:///opt/c");
    EXPECT_EQ(Channel::from_url("/opt/my channel")->base_url(), "file:///opt/my%20channel");
    EXPECT_EQ(one("conda-forge").local_path(), std::nullopt);
}

TEST(Channel, OneSubdirMayBeNamed) {
    EXPECT_EQ(one("conda-forge/linux-64").only_subdir(), "linux-64");
    EXPECT_EQ(one("conda-forge/linux-64").name(), "conda-forge");
    EXPECT_EQ(one("https://c.example/a/noarch/").base_url(), "https://c.example/a");
    EXPECT_EQ(one("conda-forge").only_subdir(), std::nullopt);
}

TEST(Channel, SecretsAreSplitOff) {
    const Channel channel = one("https://me:pa:ss@c.example/t/tk-123/forge");

    EXPECT_EQ(channel.base_url(), "https://c.example/forge");
    EXPECT_EQ(channel.name(), "https://c.example/forge");
    EXPECT_EQ(channel.secret(), (ChannelSecret{"tk-123", "me", "pa:ss"}));
    EXPECT_EQ(
        channel.with_secret("https://c.example/forge/noarch/a-1-0.conda"),
        "https://me:pa:ss@c.example/t/tk-123/forge/noarch/a-1-0.conda"
    );
    EXPECT_EQ(
        one("https://c.example/x/t/tk/forge").with_secret("https://c.example/x/forge/a"),
        "https://c.example/x/t/tk/forge/a"
    );
}

TEST(Channel, SecretsStayWithTheirHost) {
    const Channel channel = one("https://me:pw@c.example/t/tk/forge");

    EXPECT_EQ(channel.with_secret("https://evil.example/forge/a"), "https://evil.example/forge/a");
    EXPECT_EQ(channel.with_secret("https://c.example.evil/a"), "https://c.example.evil/a");
    EXPECT_EQ(channel.with_secret("http://c.example/forge/a"), "http://c.example/forge/a");
    EXPECT_EQ(channel.with_secret("https://c.example/other/a"), "https://me:pw@c.example/other/a");
}

TEST(Channel, SeveralMayGoByOneName) {
    const auto defaults = parse_channel("defaults", config());
    ASSERT_THAT(defaults, Succeeds());
    ASSERT_THAT(*defaults, SizeIs(2));
    EXPECT_EQ(defaults->at(0).base_url(), "https://repo.example/pkgs/main");
    EXPECT_EQ(defaults->at(1).base_url(), "https://repo.example/pkgs/r");
    EXPECT_EQ(defaults->at(1).name(), "defaults");

    const auto all = parse_channels({"team", "forge", "https://conda.example/forge"}, config());
    ASSERT_THAT(*all, SizeIs(2));
    EXPECT_EQ(all->at(1).base_url(), "https://team.example/own");

    ChannelConfig circle = config();
    circle.custom_multichannels = {{"a", {"b"}}, {"b", {"a"}}};
    EXPECT_THAT(parse_channel("a", circle), FailsWith(Code::too_large));
}

TEST(Channel, RefusesWhatIsNoneWithoutShowingSecrets) {
    for (const char* written :
         {"",
          "a b",
          "-forge",
          ".hidden",
          "a/../b",
          "http://",
          "https://c.example/../a",
          "file://host/a",
          "file:///",
          "https://c.example/a?q=1",
          "https://c.example/a#b"}) {
        EXPECT_THAT(parse_channel(written, config()), FailsWith(Code::invalid_input)) << written;
    }
    EXPECT_THAT(
        parse_channel("s3://bucket/a", config()), FailsSaying(Code::unsupported, "s3:// is not")
    );
    const auto path = parse_channel("./local", config());
    ASSERT_THAT(path, FailsSaying(Code::invalid_input, "it is a path"));
    EXPECT_THAT(path.error().hint, HasSubstr("file:///"));
    for (const char* written : {"https://c.example/t/${TOKEN}/forge", "file://$HOME/channel"}) {
        const auto variable = parse_channel(written, config());
        ASSERT_THAT(variable, FailsSaying(Code::invalid_input, "it names a variable"));
        EXPECT_THAT(variable.error().hint, HasSubstr("[conda.credentials]"));
    }
    const auto secret = parse_channel("https://me:pw@c.example/t/tk-1/a b", config());
    ASSERT_THAT(secret, FailsWith(Code::invalid_input));
    EXPECT_THAT(secret.error().message, Not(HasSubstr("pw")));
    EXPECT_THAT(secret.error().message, Not(HasSubstr("tk-1")));
    EXPECT_THAT(parse_channel(std::string(5000, 'a'), config()), FailsWith(Code::invalid_input));
}

TEST(Channel, MirrorsAreTriedInTheirOrder) {
    ChannelConfig mirrored = config();
    mirrored.mirrors = {
        {"https://conda.example", {"https://near.example/all"}},
        {"https://conda.example/forge", {"https://a.example/forge/", "https://b.example"}}};

    EXPECT_THAT(
        mirror_urls("https://conda.example/forge/noarch/x", mirrored),
        ElementsAre("https://a.example/forge/noarch/x", "https://b.example/noarch/x")
    );
    EXPECT_THAT(
        mirror_urls("https://conda.example/other/x", mirrored),
        ElementsAre("https://near.example/all/other/x")
    );
    EXPECT_THAT(
        mirror_urls("https://else.example/x", mirrored), ElementsAre("https://else.example/x")
    );
}

TEST(Channel, AReferenceIsSeenFromItsDocument) {
    const std::string base = "https://c.example/forge/noarch/";
    EXPECT_EQ(resolve_url(base, "../linux-64"), "https://c.example/forge/linux-64");
    EXPECT_EQ(resolve_url(base, "./shards/"), "https://c.example/forge/noarch/shards/");
    EXPECT_EQ(resolve_url(base, "/all/"), "https://c.example/all/");
    EXPECT_EQ(resolve_url(base, "https://d.example/x/"), "https://d.example/x/");
    EXPECT_EQ(resolve_url(base, "//d.example/x"), "https://d.example/x");
    EXPECT_EQ(resolve_url(base + "repodata.json", "a.conda"), base + "a.conda");
    EXPECT_EQ(resolve_url(base, "../../../.."), "https://c.example/");
}

RC_GTEST_PROP(Channel, NoSecretShowsInWhatIsSaid, ()) {
    const auto part = rc::gen::element<std::string>("forge", "label", "main", "a.b", "x_1");
    const std::string secret = "s3cr3t" + std::to_string(*rc::gen::inRange(0, 1000));
    std::string url = "https://"
                      + *rc::gen::element<std::string>("", "u:" + secret + "@", secret + "@")
                      + "c.example";
    bool has_token = false;
    for (const std::string& each : *rc::gen::container<std::vector<std::string>>(part)) {
        url += "/" + each;
        if (!has_token && *rc::gen::arbitrary<bool>()) {
            url += "/t/" + secret;
            has_token = true;
        }
    }

    const Channel channel = one(url);

    RC_ASSERT(channel.base_url().find(secret) == std::string::npos);
    RC_ASSERT(channel.name().find(secret) == std::string::npos);
    RC_ASSERT(channel.with_secret(channel.base_url()) == url);
    RC_ASSERT(one(channel.base_url()).base_url() == channel.base_url());
}

}  // namespace
}  // namespace kiln::conda
