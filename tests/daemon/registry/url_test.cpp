#include "daemon/registry/url.hpp"

#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::registry {
namespace {

using testing::corpus;
using testing::corpus_rows;
using testing::FailsWith;
using testing::Succeeds;

Url url(std::string_view text) {
    const auto parsed = Url::parse(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed.value_or(Url());
}

TEST(Url, ReadsHttpAndHttps) {
    EXPECT_EQ(url("https://Registry.Example").render(), "https://registry.example/");
    EXPECT_EQ(url("http://[::1]:5000/v2/?a=b").render(), "http://[::1]:5000/v2/?a=b");
    EXPECT_EQ(url("http://a:80/x").authority(), "a");
    EXPECT_EQ(url("https://a:80/x").authority(), "a:80");
}

TEST(Url, RefusesWhatWeDoNotSpeak) {
    for (const char* text :
         {"",
          "a/b",
          "ftp://a/",
          "https://",
          "https://user:word@a/",
          "https://a/ b",
          "https://a/\r\nX: y",
          "https://a:99999/",
          "https://a:0/"}) {
        EXPECT_THAT(Url::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(Url, ResolvesLocations) {
    const Url base = url("https://a:5000/v2/app/blobs/uploads/");

    EXPECT_EQ(base.resolve("/v2/x?state=1")->render(), "https://a:5000/v2/x?state=1");
    EXPECT_EQ(base.resolve("u1")->render(), "https://a:5000/v2/app/blobs/uploads/u1");
    EXPECT_EQ(base.resolve("https://b/y")->render(), "https://b/y");
    EXPECT_THAT(base.resolve("file:///etc/passwd"), FailsWith(Code::invalid_input));
}

TEST(Url, EscapesWhatItAdds) {
    EXPECT_EQ(
        url("https://a/t?x=1").with_query("scope", "repository:a/b:pull,push &").render(),
        "https://a/t?x=1&scope=repository:a/b:pull,push%20%26"
    );
}

TEST(Url, ShowsNoQueryToPeople) {
    EXPECT_EQ(url("https://a/t?token=secret").render_redacted(), "https://a/t");
}

TEST(IsLoopback, AgreesWithTheTable) {
    SKIP_WITHOUT_CORPUS("registry-auth");
    const auto file = corpus("registry-auth") / "containerd_tables.json";
    for (const auto& row : corpus_rows(file, "TestMatchLocalhost", "range")) {
        EXPECT_EQ(is_loopback(row.at("host").as_string().c_str()), row.at("match").as_bool())
            << row;
    }
}

TEST(CheckReferral, AgreesWithTheTablesOfRealms) {
    SKIP_WITHOUT_CORPUS("registry-auth");
    const auto file = corpus("registry-auth") / "ggcr_tables.json";
    const Url registry = url("https://registry.example.com/v2/");
    for (const auto& row : corpus_rows(file, "TestValidateRealmURLUnspecified", "tests")) {
        const Url realm = url(row.at("realm").as_string().c_str());
        EXPECT_EQ(check_referral(registry, realm).has_value(), !row.at("wantErr").as_bool()) << row;
    }
    for (const auto& row : corpus_rows(file, "TestValidateRealmURLSameHost", "tests")) {
        const auto* insecure = row.as_object().if_contains("insecure");
        const bool tls = insecure == nullptr || !insecure->as_bool();
        const std::string host = row.at("registryHost").as_string().c_str();
        const Url from = url((tls ? "https://" : "http://") + host + "/v2/");
        const bool refused = row.as_object().contains("wantErr");
        EXPECT_EQ(
            check_referral(from, url(row.at("realm").as_string().c_str())).has_value(), !refused
        ) << row;
    }
}

TEST(HostPort, ReadsNamesAddressesAndPorts) {
    EXPECT_EQ(*HostPort::parse("A.example:5000"), (HostPort{"a.example", 5000}));
    EXPECT_EQ(*HostPort::parse("[::1]:5000"), (HostPort{"::1", 5000}));
    EXPECT_EQ(*HostPort::parse("localhost"), (HostPort{"localhost", 0}));
    for (const char* text : {"", "a:", "a:x", "a/b", "[::1", "a b", "u@a", "[a]:1"}) {
        EXPECT_THAT(HostPort::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

}  // namespace
}  // namespace kiln::registry
