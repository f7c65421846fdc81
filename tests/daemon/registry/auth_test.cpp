#include "daemon/registry/auth.hpp"

#include "tests/support/corpus.hpp"
#include "tests/support/fake_registry.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/run_loop.hpp"

#include <boost/asio/io_context.hpp>

namespace kiln::registry {
namespace {

using testing::corpus;
using testing::corpus_rows;
using testing::FailsSaying;
using testing::FailsWith;
using testing::FakeRegistry;
using testing::Succeeds;

struct AuthFixture {
    Result<Response> get(
        const FakeRegistry& registry,
        const std::string& target,
        std::optional<Credentials> credentials = std::nullopt
    ) {
        Transport transport(loop.get_executor(), pool);
        const Url url = Url::parse("http://" + registry.host() + target).value();
        Access access{url, std::move(credentials), {"repository:a:pull"}, trusted};
        Authorizer authorizer(transport, memory, std::move(access));
        Request request;
        request.url = url;
        return testing::run_loop(loop, authorizer.send(request));
    }

    boost::asio::io_context loop{1};
    ThreadPool pool{1};
    Memory memory;
    std::vector<std::string> trusted;
};

std::map<std::string, std::string> bearer(const FakeRegistry& registry) {
    return {{"WWW-Authenticate", "Bearer realm=\"http://" + registry.host() + "/auth\""}};
}

TEST(PushScope, AgreesWithTheTable) {
    SKIP_WITHOUT_CORPUS("registry-auth");
    const auto file = corpus("registry-auth") / "containerd_tables.json";
    for (const auto& row : corpus_rows(file, "TestRepositoryScope", "testCases")) {
        if (row.at("push").as_bool()) {
            EXPECT_EQ(push_scope("foo/bar"), row.at("expected").as_string().c_str());
        }
    }
}

TEST(Authorizer, TakesATokenUnderBothItsNames) {
    for (const char* key : {"token", "access_token"}) {
        FakeRegistry registry;
        registry.answer_next("GET", "/v2/", 401, 1, "", bearer(registry));
        registry.answer_next("GET", "/auth", 200, 1, fmt::format(R"({{"{}":"abc"}})", key));
        AuthFixture test;

        const auto response = test.get(registry, "/v2/");

        ASSERT_THAT(response, Succeeds()) << key;
        EXPECT_EQ(response->status, 200);
    }
}

TEST(Authorizer, RefusesAnAnswerWithoutAUsableToken) {
    for (const char* body :
         {R"({"tolkien":"abc"})", "no json", R"({"token":""})", R"({"token":"a\r\nX: y"})"}) {
        FakeRegistry registry;
        registry.answer_next("GET", "/v2/", 401, 1, "", bearer(registry));
        registry.answer_next("GET", "/auth", 200, 1, body);
        AuthFixture test;

        EXPECT_FALSE(test.get(registry, "/v2/").has_value()) << body;
    }
}

TEST(Authorizer, SaysThatTheTokenWasRefused) {
    FakeRegistry registry;
    registry.answer_next("GET", "/v2/", 401, 1, "", bearer(registry));
    registry.answer_next("GET", "/auth", 403, 1);
    AuthFixture test;

    EXPECT_THAT(test.get(registry, "/v2/"), FailsSaying(Code::permission, "fetching a token"));
}

TEST(Authorizer, EndsALoopOfRedirects) {
    FakeRegistry registry;
    registry.answer_next("GET", "/v2/", 302, 100, "", {{"Location", "/v2/"}});
    AuthFixture test;

    EXPECT_THAT(test.get(registry, "/v2/"), FailsSaying(Code::upstream, "redirects more than 5"));
}

TEST(Authorizer, FollowsNoRedirectIntoThisNetwork) {
    FakeRegistry registry;
    registry.answer_next("GET", "/v2/", 302, 1, "", {{"Location", "http://10.0.0.1/"}});
    AuthFixture test;

    EXPECT_THAT(test.get(registry, "/v2/"), FailsWith(Code::permission));
}

TEST(Authorizer, LeavesAnUnansweredChallengeToTheCaller) {
    FakeRegistry registry({.auth = testing::FakeAuth::basic});
    AuthFixture test;

    const auto response = test.get(registry, "/v2/");

    ASSERT_THAT(response, Succeeds());
    EXPECT_EQ(response->status, 401);
}

}  // namespace
}  // namespace kiln::registry
