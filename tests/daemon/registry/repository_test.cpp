#include "daemon/registry/repository.hpp"

#include "daemon/registry/client.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"
#include "tests/support/fake_registry.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/run_loop.hpp"

#include <boost/asio/io_context.hpp>

namespace kiln::registry {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::FakeAuth;
using testing::FakeRanges;
using testing::FakeRegistry;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Succeeds;

const std::string k_manifest(R"({"schemaVersion":2,"layers":[]})");

/// One repository, "app", of a registry; each call on a loop of its own.
struct RepositoryFixture {
    explicit RepositoryFixture(
        const FakeRegistry& registry, std::vector<std::string> trusted = {}
    ) {
        RetryPolicy retry;
        retry.first_delay = std::chrono::milliseconds(1);
        retry.longest_delay = std::chrono::milliseconds(2);
        Access access{Url::parse("http://" + registry.host() + "/v2/").value()};
        access.credentials = Credentials{"user", "pass word:1"};
        access.scopes = {pull_scope("app")};
        access.trusted_hosts = std::move(trusted);
        repository = std::make_unique<Repository>(transport, memory, access, "app", retry);
    }

    Result<std::string> blob(Descriptor descriptor) {
        std::string bytes;
        BlobSink sink = [&bytes](ByteSpan part) -> Awaitable<Result<void>> {
            bytes += as_text(part);
            co_return Result<void>();
        };
        auto got = testing::run_loop(loop, repository->get_blob(descriptor, std::move(sink)));
        return got ? Result<std::string>(bytes) : fail(got.error());
    }

    Result<std::optional<Descriptor>> look_up(const std::string& reference) {
        return testing::run_loop(loop, repository->look_up(reference));
    }

    Result<std::optional<Document>> manifest(const std::string& reference) {
        return testing::run_loop(loop, repository->get_manifest(reference));
    }

    boost::asio::io_context loop{1};
    ThreadPool pool{1};
    Memory memory;
    Transport transport{loop.get_executor(), pool};
    std::unique_ptr<Repository> repository;
};

Descriptor describe(const std::string& bytes) {
    return Descriptor{"application/octet-stream", digest_of(bytes), bytes.size()};
}

std::string large_text() {
    std::string text;
    for (int i = 0; text.size() < 300'000; ++i) {
        text += std::to_string(i);
    }
    return text;
}

TEST(Repository, LooksANameUpWithOneRequest) {
    FakeRegistry registry;
    const Digest digest = registry.put_manifest("app", "1", k_manifest);
    RepositoryFixture test(registry);

    const auto found = test.look_up("1");

    ASSERT_THAT(found, Succeeds());
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((*found)->digest, digest);
    EXPECT_EQ((*found)->size_bytes, k_manifest.size());
    EXPECT_THAT(registry.requests(), ElementsAre("HEAD /v2/app/manifests/1"));
    EXPECT_FALSE(test.look_up("2").value().has_value());
}

TEST(Repository, ReadsTheManifestWhereItsHeadSaysTooLittle) {
    FakeRegistry registry;
    const Digest digest = registry.put_manifest("app", "1", k_manifest);
    registry.answer_next("HEAD", "/manifests/1", 200);
    RepositoryFixture test(registry);

    EXPECT_EQ(test.look_up("1").value().value().digest, digest);
}

TEST(Repository, TakesAManifestForNothingElseThanItIs) {
    FakeRegistry registry;
    const Digest digest = registry.put_manifest("app", "1", k_manifest);
    const std::string by_digest = "/manifests/" + digest.render();
    registry.answer_next("GET", by_digest, 200, 1, "another");
    registry.answer_next(
        "GET", "/manifests/1", 200, 1, "another", {{"Docker-Content-Digest", digest.render()}}
    );
    RepositoryFixture test(registry);

    EXPECT_THAT(test.manifest(digest.render()), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(test.manifest("1"), FailsSaying(Code::digest_mismatch, "the registry calls it"));
    EXPECT_EQ(test.manifest("1").value().value().text, k_manifest);
}

TEST(Repository, RefusesAManifestBeyondTheLimit) {
    FakeRegistry registry;
    registry.put_manifest("app", "1", std::string(limits::k_document_bytes + 1, ' '));
    RepositoryFixture test(registry);

    EXPECT_THAT(test.manifest("1"), FailsWith(Code::too_large));
}

TEST(Repository, GoesOnWhereABlobBrokeOff) {
    for (const FakeRanges ranges :
         {FakeRanges::honoured,
          FakeRanges::ignored,
          FakeRanges::another_part,
          FakeRanges::refused}) {
        FakeRegistry registry({.ranges = ranges});
        const std::string text = large_text();
        registry.put_blob(text);
        registry.cut_next_blob(123'456);
        RepositoryFixture test(registry);

        const auto got = test.blob(describe(text));

        ASSERT_THAT(got, Succeeds()) << static_cast<int>(ranges);
        EXPECT_EQ(*got, text) << static_cast<int>(ranges);
    }
}

RC_GTEST_PROP(Repository, GivesEveryByteOnceWhereverItBreaks, (std::uint32_t cut)) {
    FakeRegistry registry;
    const std::string text = large_text();
    registry.put_blob(text);
    registry.cut_next_blob(cut % text.size());
    RepositoryFixture test(registry);

    RC_ASSERT(test.blob(describe(text)).value() == text);
}

TEST(Repository, RefusesABlobOfAnotherSizeThanItsDescriptorSays) {
    FakeRegistry registry;
    const std::string text = large_text();
    registry.put_blob(text);
    RepositoryFixture test(registry);
    Descriptor smaller = describe(text);
    smaller.size_bytes -= 1;
    Descriptor larger = describe(text);
    larger.size_bytes += 1;

    EXPECT_THAT(test.blob(smaller), FailsSaying(Code::digest_mismatch, "its manifest says 299999"));
    EXPECT_THAT(test.blob(larger), FailsWith(Code::digest_mismatch));
}

TEST(Repository, EndsABodyThatHasNoEnd) {
    FakeRegistry registry;
    const std::string text = large_text();
    registry.put_blob(text);
    registry.send_endless_blob();
    RepositoryFixture test(registry);

    EXPECT_THAT(test.blob(describe(text)), FailsWith(Code::digest_mismatch));
}

TEST(Repository, WaitsAsLongAsItIsAskedTo) {
    FakeRegistry registry;
    registry.put_blob("text");
    registry.answer_next("GET", "/blobs/", 429, 1, "", {{"Retry-After", "1"}});
    RepositoryFixture test(registry);
    const auto before = std::chrono::steady_clock::now();

    ASSERT_THAT(test.blob(describe("text")), Succeeds());

    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

TEST(Repository, TakesNoTokenAndNoPasswordAlongToAnotherHost) {
    FakeRegistry storage;
    storage.put_blob("text");
    FakeRegistry registry({.auth = FakeAuth::bearer});
    const std::string path = "/v2/app/blobs/" + digest_of("text").render();
    RepositoryFixture test(registry, {storage.host()});
    ASSERT_THAT(test.manifest("1"), Succeeds());  // a token is there now
    registry.answer_next(
        "GET", "/blobs/", 307, 1, "", {{"Location", "http://" + storage.host() + path}}
    );

    ASSERT_THAT(test.blob(describe("text")), Succeeds());

    EXPECT_THAT(storage.authorizations(), ElementsAre(""));
}

TEST(Repository, TellsAnotherHostNothingThatItAsksFor) {
    FakeRegistry storage({.auth = FakeAuth::bearer});
    FakeRegistry registry;
    registry.answer_next(
        "GET", "/blobs/", 307, 1, "", {{"Location", "http://" + storage.host() + "/x"}}
    );
    RepositoryFixture test(registry, {storage.host()});

    EXPECT_THAT(test.blob(describe("text")), FailsWith(Code::permission));

    EXPECT_THAT(storage.requests(), ElementsAre("GET /x"));  // and no token was fetched there
}

TEST(Repository, SendsCredentialsToARealmThatTheConfigurationNames) {
    FakeRegistry realm({.auth = FakeAuth::bearer});
    FakeRegistry registry;
    registry.put_manifest("app", "1", k_manifest);
    const std::string challenge = "Bearer realm=\"http://" + realm.host() + "/token\"";
    registry.answer_next("GET", "/manifests/", 401, 2, "", {{"WWW-Authenticate", challenge}});
    RepositoryFixture stranger(registry);
    RepositoryFixture known(registry, {realm.host()});

    EXPECT_THAT(
        stranger.manifest("1"), FailsSaying(Code::permission, "an address of this network")
    );
    EXPECT_THAT(realm.requests(), IsEmpty());
    EXPECT_THAT(known.manifest("1"), Succeeds());
    EXPECT_THAT(realm.requests(), ElementsAre("GET /token"));
}

TEST(Repository, FollowsTheListOfReferrersFromPageToPage) {
    FakeRegistry registry;
    const Digest subject = digest_of(k_manifest);
    const auto page = [](const std::string& text) {
        return fmt::format(
            R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":1}}]}})",
            "application/vnd.oci.image.manifest.v1+json",
            digest_of(text).render()
        );
    };
    registry.answer_next("GET", "next=2", 200, 1, page("b"));
    registry.answer_next(
        "GET", "/referrers/", 200, 1, page("a"), {{"Link", "</v2/app/x?next=2>; rel=\"next\""}}
    );
    RepositoryFixture test(registry);

    const auto listed = testing::run_loop(test.loop, test.repository->list_referrers(subject));

    ASSERT_THAT(listed, Succeeds());
    ASSERT_EQ(listed->size(), 2U);
    EXPECT_EQ((*listed)[1].descriptor.digest, digest_of("b"));
}

TEST(Client, LooksUpInARegistryThatItNeverSawWithOneRequest) {
    FakeRegistry registry;
    const Digest digest = registry.put_manifest("kiln/env", "1", k_manifest);
    boost::asio::io_context loop{1};
    ThreadPool pool(1);
    Client client(loop.get_executor(), pool);
    const auto name = oci::Reference::parse(registry.host() + "/kiln/env:1").value();

    const auto found = testing::run_loop(loop, client.look_up(name, std::nullopt));

    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(found->value().digest, digest);
    EXPECT_THAT(registry.requests(), ElementsAre("HEAD /v2/kiln/env/manifests/1"));
}

TEST(Client, FindsWhatItMayDoAgainInItsMemory) {
    FakeRegistry registry(
        {.auth = FakeAuth::bearer, .username = "u", .password = "p", .token_seconds = 300}
    );
    registry.put_manifest("app", "1", k_manifest);
    boost::asio::io_context loop{1};
    ThreadPool pool(1);
    Memory memory;
    const auto name = oci::Reference::parse(registry.host() + "/app:1").value();
    const auto look_up = [&](std::optional<Credentials> credentials) {
        ClientOptions options;
        options.memory = &memory;
        Client client(loop.get_executor(), pool, options);
        return testing::run_loop(loop, client.look_up(name, std::move(credentials)));
    };
    ASSERT_THAT(look_up(Credentials{"u", "p"}), Succeeds());
    const std::size_t before = registry.requests().size();

    EXPECT_THAT(look_up(Credentials{"u", "p"}), Succeeds());
    EXPECT_EQ(registry.requests().size(), before + 1);
    EXPECT_THAT(look_up(Credentials{"u", "other"}), FailsWith(Code::permission));
    EXPECT_THAT(look_up(std::nullopt), FailsWith(Code::permission));
}

TEST(Client, AsksAnewHowToSpeakToARegistryThatDidNotAnswer) {
    Memory memory;
    boost::asio::io_context loop{1};
    ThreadPool pool(1);
    ClientOptions options;
    options.memory = &memory;
    options.retry.attempts = 1;
    Client client(loop.get_executor(), pool, options);
    std::string host;
    {
        FakeRegistry registry;
        host = registry.host();
        const auto name = oci::Reference::parse(host + "/app:1").value();
        ASSERT_THAT(testing::run_loop(loop, client.look_up(name, std::nullopt)), Succeeds());
    }
    EXPECT_EQ(memory.speaks_tls(host), false);
    const auto name = oci::Reference::parse(host + "/app:1").value();

    EXPECT_THAT(
        testing::run_loop(loop, client.look_up(name, std::nullopt)), FailsWith(Code::upstream)
    );

    EXPECT_EQ(memory.speaks_tls(host), std::nullopt);
}

TEST(Memory, ForgetsWhatRanOut) {
    Memory::Moment now{};
    Memory memory([&now] { return now; });
    const Digest key = digest_of("key");
    memory.note_authorization(key, "Bearer t", std::chrono::seconds(10));

    EXPECT_EQ(memory.find_authorization(key), "Bearer t");
    now += std::chrono::seconds(10);
    EXPECT_EQ(memory.find_authorization(key), "");
}

TEST(Memory, NamesAnotherRepositoryThatHadTheBlob) {
    Memory memory;
    const Digest blob = digest_of("blob");
    memory.note_blob("a.example", "team/base", blob);

    EXPECT_EQ(memory.find_repository("a.example", blob, "team/app"), "team/base");
    EXPECT_EQ(memory.find_repository("a.example", blob, "team/base"), "");
    EXPECT_EQ(memory.find_repository("b.example", blob, "team/app"), "");
}

}  // namespace
}  // namespace kiln::registry
