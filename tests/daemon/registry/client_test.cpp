#include "store/hasher.hpp"
#include "tests/daemon/registry/push_fixture.hpp"
#include "tests/support/fake_registry.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

namespace kiln::registry {
namespace {

using ::testing::Contains;
using testing::FailsSaying;
using testing::FailsWith;
using testing::FakeAuth;
using testing::FakeRegistry;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Succeeds;

constexpr const char* k_unavailable = R"({"errors":[{"code":"UNAVAILABLE","message":"later"}]})";
/// What docker-registry says while another push writes the link to one of the blobs.
constexpr const char* k_hidden =
    R"({"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"},)"
    R"({"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]})";

std::size_t position(const std::vector<std::string>& requests, const std::string& part) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (requests[i].find(part) != std::string::npos) {
            return i;
        }
    }
    return requests.size();
}

TEST(Push, PutsTheManifestLast) {
    FakeRegistry registry;
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app:1", {"a", "b", "c"})), Succeeds());

    const auto requests = registry.requests();
    EXPECT_EQ(requests.back(), "PUT /v2/app/manifests/1");
    EXPECT_EQ(position(requests, "PUT /v2/app/manifests"), requests.size() - 1);
}

TEST(Push, TakesLatestWhenNothingElseIsSaid) {
    FakeRegistry registry;
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app", {})), Succeeds());

    EXPECT_TRUE(registry.manifest("app", "latest").has_value());
}

TEST(Push, RepeatsWhatFailsForAMoment) {
    FakeRegistry registry;
    registry.answer_next("HEAD", "/blobs/", 503, 2);
    registry.answer_next("POST", "/uploads/", 500, 1);
    registry.answer_next("PUT", "/uploads/", 503, 2, k_unavailable);
    registry.answer_next("PUT", "/manifests/", 429, 1);
    PushFixture test;

    EXPECT_THAT(test.push(test.image(registry.host() + "/app:1", {"a"})), Succeeds());

    EXPECT_TRUE(registry.blob(digest_of("a")).has_value());
}

TEST(Push, RepeatsAManifestWhoseBlobsAnotherPushHidesForAMoment) {
    FakeRegistry registry;
    registry.answer_next("PUT", "/manifests/", 400, 2, k_hidden);
    PushFixture test;

    EXPECT_THAT(test.push(test.image(registry.host() + "/app:1", {"a"})), Succeeds());

    EXPECT_TRUE(registry.manifest("app", "1").has_value());
}

TEST(Push, GivesUpAManifestWhoseBlobsStayUnknown) {
    FakeRegistry registry;
    registry.answer_next("PUT", "/manifests/", 400, 100, k_hidden);
    PushFixture test;

    EXPECT_THAT(
        test.push(test.image(registry.host() + "/app:1", {"a"})),
        FailsSaying(Code::upstream, "MANIFEST_BLOB_UNKNOWN: blob unknown")
    );
}

TEST(Push, GivesUpInTheEndAndSaysWhatTheRegistrySays) {
    FakeRegistry registry;
    registry.answer_next("PUT", "/uploads/", 503, 100, k_unavailable);
    PushFixture test;

    const auto result = test.push(test.image(registry.host() + "/app:1", {"a"}));

    ASSERT_THAT(result, FailsSaying(Code::upstream, "UNAVAILABLE: later"));
    EXPECT_THAT(result.error().render(), HasSubstr("pushing blob sha256:"));
    EXPECT_FALSE(registry.manifest("app", "1").has_value());
}

TEST(Push, DoesNotRepeatARefusal) {
    FakeRegistry registry;
    registry.answer_next(
        "POST", "/uploads/", 403, 100, R"({"errors":[{"code":"DENIED","message":"no"}]})"
    );
    PushFixture test;

    EXPECT_THAT(
        test.push(test.image(registry.host() + "/app:1", {})),
        FailsSaying(Code::permission, "DENIED: no")
    );

    const auto requests = registry.requests();
    EXPECT_EQ(std::count(requests.begin(), requests.end(), "POST /v2/app/blobs/uploads/"), 1);
}

TEST(Push, GoesOnWhereABrokenUploadEnded) {
    FakeRegistry registry;
    const std::string large(3'000'000, 'y');
    registry.cut_next_upload(1'000'000);
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app:1", {large})), Succeeds());

    EXPECT_EQ(registry.blob(digest_of(large)), large);
    const auto requests = registry.requests();
    EXPECT_THAT(requests, Contains(HasSubstr("PATCH /v2/app/blobs/uploads/")));
    // One for the layer, one for the config: the broken one was not begun again.
    EXPECT_EQ(std::count(requests.begin(), requests.end(), "POST /v2/app/blobs/uploads/"), 2);
}

/// Wherever it is cut off, the same bytes arrive in the end.
RC_GTEST_PROP(Push, ResumesToTheSameDigest, (std::uint32_t cut)) {
    FakeRegistry registry;
    std::string content;
    for (int i = 0; content.size() < 700'000; ++i) {
        content += std::to_string(i);
    }
    registry.cut_next_upload(cut % content.size() + 1);
    PushFixture test;

    RC_ASSERT(test.push(test.image(registry.host() + "/app:1", {content})).has_value());

    RC_ASSERT(registry.blob(digest_of(content)) == content);
}

TEST(Push, SendsChunksToARegistryThatAsksForThem) {
    FakeRegistry registry({.chunk_min_length = 1U << 20U});
    const std::string large(20'000'000, 'z');
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app:1", {large})), Succeeds());

    EXPECT_EQ(registry.blob(digest_of(large)), large);
    EXPECT_THAT(registry.requests(), Contains(HasSubstr("PATCH")));
}

TEST(Push, SendsChunksThroughAProxyThatLimitsRequests) {
    FakeRegistry registry({.request_limit_bytes = 5U << 20U});
    const std::string large(9'000'000, 'z');
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app:1", {large})), Succeeds());

    EXPECT_EQ(registry.blob(digest_of(large)), large);
}

TEST(Push, FetchesAnotherTokenWhenTheFirstRunsOut) {
    FakeRegistry registry({.auth = FakeAuth::bearer, .username = "u", .password = "p"});
    const std::string challenge =
        "Bearer realm=\"http://" + registry.host() + "/token\",service=\"fake\"";
    registry.answer_next("PUT", "/manifests/", 401, 1, "", {{"WWW-Authenticate", challenge}});
    PushFixture test;
    test.credentials = Credentials{"u", "p"};

    EXPECT_THAT(test.push(test.image(registry.host() + "/app:1", {"a"})), Succeeds());
}

TEST(Push, KeepsCredentialsFromOtherHostsAndOutOfMessages) {
    FakeRegistry registry;
    registry.answer_next(
        "POST",
        "/uploads/",
        401,
        1,
        "",
        {{"WWW-Authenticate", "Bearer realm=\"http://169.254.169.254/token\",service=\"x\""}}
    );
    PushFixture test;
    test.credentials = Credentials{"u", "hunter2"};

    const auto result = test.push(test.image(registry.host() + "/app:1", {"a"}));

    ASSERT_THAT(result, FailsSaying(Code::permission, "an address of this network"));
    EXPECT_THAT(result.error().render(), Not(HasSubstr("hunter2")));
}

TEST(Push, FollowsARedirectToAnotherPlaceOfTheRegistry) {
    FakeRegistry registry;
    registry.answer_next("PUT", "/manifests/1", 307, 1, "", {{"Location", "/v2/app/manifests/2"}});
    PushFixture test;

    ASSERT_THAT(test.push(test.image(registry.host() + "/app:1", {"a"})), Succeeds());

    EXPECT_TRUE(registry.manifest("app", "2").has_value());
}

TEST(Push, TellsHowFarItIs) {
    FakeRegistry registry;
    const std::string large(1'000'000, 'p');
    PushFixture test;
    PushRequest request = test.image(registry.host() + "/app:1", {large});
    std::uint64_t most = 0;
    int finished = 0;
    request.progress = [&](const PushProgress& progress) {
        most = std::max(most, progress.sent_bytes);
        finished += progress.outcome ? 1 : 0;
    };

    ASSERT_THAT(test.push(request), Succeeds());

    EXPECT_EQ(most, large.size());
    EXPECT_EQ(finished, 2);
}

TEST(Push, EndsWhenItIsCancelled) {
    FakeRegistry registry;
    registry.answer_next("HEAD", "/blobs/", 503, 1'000'000);
    ClientOptions options;
    options.retry.attempts = 1'000'000;
    PushFixture test(options);
    boost::asio::cancellation_signal stop;
    bool ended = false;
    const auto done = [&ended](
                          const std::exception_ptr& failure, const Result<PushResult>& result
                      ) { ended = failure != nullptr || !result; };
    boost::asio::co_spawn(
        test.loop,
        test.client.push(test.image(registry.host() + "/app:1", {"a", "b", "c", "d", "e"})),
        boost::asio::bind_cancellation_slot(stop.slot(), done)
    );
    boost::asio::steady_timer timer(test.loop, std::chrono::milliseconds(30));
    timer.async_wait([&](boost::system::error_code) {
        stop.emit(boost::asio::cancellation_type::terminal);
    });

    test.loop.run();

    EXPECT_TRUE(ended);
}

TEST(Push, RefusesANameThatIsAnotherManifests) {
    PushFixture test;
    const std::string other = digest_of("other").render();

    EXPECT_THAT(
        test.push(test.image("127.0.0.1:1/app@" + other, {})), FailsWith(Code::digest_mismatch)
    );
}

}  // namespace
}  // namespace kiln::registry
