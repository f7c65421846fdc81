// Pulling from a registry that is in this process, and may misbehave.

#include "daemon/build/pull.hpp"

#include "daemon/build/artifact.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/push.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/validate.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/hasher.hpp"
#include "tests/support/fake_registry.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/test_daemon.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::FakeRegistry;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::Succeeds;
using testing::TestDaemon;

std::string layer_of(const std::string& path, const std::string& content) {
    std::string bytes;

    struct Sink final : ByteSink {
        explicit Sink(std::string& into)
            : text(into) {}

        Result<void> write(ByteSpan part) override {
            text += as_text(part);
            return {};
        }

        std::string& text;
    };

    Sink sink(bytes);
    tar::TarWriter writer(sink);
    tar::TarEntry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size_bytes = content.size();
    EXPECT_THAT(writer.append(entry), Succeeds());
    EXPECT_THAT(writer.write(as_bytes(content)), Succeeds());
    EXPECT_THAT(writer.finish(), Succeeds());
    return bytes;
}

std::string describe(std::string_view type, const std::string& bytes, std::uint64_t size) {
    return fmt::format(
        R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, digest_of(bytes).render(), size
    );
}

/// An image of plain tars, which may be lied about.
struct TestImage {
    std::vector<std::string> layers;
    std::vector<Digest> diff_ids;
    std::string config_type = std::string(oci::k_config);
    std::uint64_t size_lie = 0;  // added to what the manifest says of a layer

    explicit TestImage(std::vector<std::string> tars)
        : layers(std::move(tars)) {
        for (const std::string& layer : layers) {
            diff_ids.push_back(digest_of(layer));
        }
    }

    Digest put(FakeRegistry& registry, const std::string& tag) const {
        std::string list;
        std::string ids;
        for (const std::string& layer : layers) {
            registry.put_blob(layer);
            list += (list.empty() ? "" : ",")
                    + describe(oci::k_layer_tar, layer, layer.size() + size_lie);
        }
        for (const Digest& id : diff_ids) {
            ids += fmt::format("{}\"{}\"", ids.empty() ? "" : ",", id.render());
        }
        const oci::Platform host = oci::Platform::host();
        const std::string config = fmt::format(
            R"({{"architecture":"{}","os":"linux","config":{{}},)"
            R"("rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
            host.architecture,
            ids
        );
        registry.put_blob(config);
        const std::string manifest = fmt::format(
            R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
            oci::k_manifest,
            describe(config_type, config, config.size()),
            list
        );
        return registry.put_manifest("app", tag, manifest);
    }
};

TestImage two_layers() {
    return TestImage({layer_of("a", "one"), layer_of("b", "two")});
}

struct Fixture {
    std::shared_ptr<Job> start(PullOrder order) {
        order.names = {"pulled:1"};
        BuildTable::Work work = [this, order](std::shared_ptr<Job> job
                                ) -> boost::asio::awaitable<Result<ResultEvent>> {
            const store::Lease lease = daemon.store->lease();
            auto pulled = co_await pull_image(daemon.services(), job, order, lease);
            if (!pulled) {
                co_return fail(std::move(pulled).error());
            }
            ResultEvent result;
            result.image = pulled->manifest.digest;
            co_return result;
        };
        return daemon.builds().start("pull", Attachment::detached, std::move(work)).value();
    }

    Result<Digest> pull(PullOrder order) {
        const auto job = start(std::move(order));
        daemon.run_until_idle();
        const ResultEvent& result = job->result();
        return result.error ? Result<Digest>(fail(*result.error)) : *result.image;
    }

    Result<Digest> pull(const FakeRegistry& registry, const std::string& tag = "1") {
        return pull(PullOrder{.reference = registry.host() + "/app:" + tag});
    }

    Result<Descriptor> push(PushOrder order) {
        std::optional<Descriptor> pushed;
        BuildTable::Work work = [&](std::shared_ptr<Job> job
                                ) -> boost::asio::awaitable<Result<ResultEvent>> {
            auto done = co_await push_image(daemon.services(), job, std::move(order));
            if (!done) {
                co_return fail(std::move(done).error());
            }
            pushed = *done;
            co_return ResultEvent();
        };
        const auto job =
            daemon.builds().start("push", Attachment::detached, std::move(work)).value();
        daemon.run_until_idle();
        const auto& error = job->result().error;
        return error ? Result<Descriptor>(fail(*error)) : *pushed;
    }

    std::vector<store::Ref> refs() { return daemon.store->index().refs().value(); }

    TestDaemon daemon;
};

long count(const FakeRegistry& registry, const std::string& part) {
    const auto requests = registry.requests();
    return std::count_if(requests.begin(), requests.end(), [&](const std::string& request) {
        return request.find(part) != std::string::npos;
    });
}

TEST(Pull, TakesAnImageThatTheIndependentCheckFindsWhole) {
    FakeRegistry registry;
    const Digest digest = two_layers().put(registry, "1");
    Fixture test;

    const auto pulled = test.pull(registry);

    ASSERT_THAT(pulled, Succeeds());
    EXPECT_EQ(*pulled, digest);
    const auto ref = find_image(*test.daemon.store, "pulled:1");
    ASSERT_THAT(ref, Succeeds());
    const auto mismatches = oci::validate_image(test.daemon.store->blobs(), ref->target, {});
    ASSERT_THAT(mismatches, Succeeds());
    EXPECT_THAT(*mismatches, IsEmpty());
}

TEST(Pull, RemembersWhatTheNameStoodFor) {
    FakeRegistry registry;
    const Digest digest = two_layers().put(registry, "1");
    const std::string manifest = registry.manifest("app", "1").value();
    const Digest index = registry.put_manifest(
        "app",
        "many",
        fmt::format(
            R"({{"schemaVersion":2,"manifests":[{}]}})",
            describe(oci::k_manifest, manifest, manifest.size())
        ),
        std::string(oci::k_index)
    );
    Fixture test;
    const std::string name = registry.host() + "/app:many";
    EXPECT_FALSE(find_pull(*test.daemon.store, name).value().has_value());

    ASSERT_THAT(test.pull(registry, "many"), Succeeds());

    const auto record = find_pull(*test.daemon.store, name).value().value();
    EXPECT_EQ(record.named.digest, index);
    EXPECT_EQ(record.manifest, digest);
}

TEST(Pull, FetchesALayerOnceForAllWhoWantIt) {
    FakeRegistry registry;
    const TestImage image = two_layers();
    image.put(registry, "1");
    Fixture test;

    const PullOrder order{.reference = registry.host() + "/app:1"};
    const auto first = test.start(order);
    const auto second = test.start(order);
    test.daemon.run_until_idle();

    EXPECT_EQ(first->status(), JobStatus::done);
    EXPECT_EQ(second->status(), JobStatus::done);
    for (const std::string& layer : image.layers) {
        EXPECT_EQ(count(registry, "GET /v2/app/blobs/" + digest_of(layer).render()), 1);
    }
}

TEST(Pull, NamesNothingThatIsNotAsItsDocumentsSay) {
    FakeRegistry registry;
    TestImage longer = two_layers();
    longer.size_lie = 7;
    longer.put(registry, "size");
    TestImage other = two_layers();
    other.diff_ids[1] = digest_of("another");
    other.put(registry, "diff");
    TestImage fewer = two_layers();
    fewer.diff_ids.pop_back();
    fewer.put(registry, "fewer");
    TestImage no_tar({std::string(2048, 'x')});
    no_tar.put(registry, "tar");
    TestImage artifact = two_layers();
    artifact.config_type = "application/vnd.example+json";
    artifact.put(registry, "artifact");
    Fixture test;

    EXPECT_THAT(test.pull(registry, "size"), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(test.pull(registry, "diff"), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(test.pull(registry, "fewer"), FailsWith(Code::invalid_input));
    EXPECT_FALSE(test.pull(registry, "tar").has_value());
    EXPECT_THAT(test.pull(registry, "artifact"), FailsWith(Code::unsupported));
    EXPECT_THAT(test.refs(), IsEmpty());
}

TEST(Pull, RefusesOtherBytesUnderTheDigestOfALayer) {
    FakeRegistry registry;
    const TestImage image = two_layers();
    image.put(registry, "1");
    std::string swapped = image.layers[1];
    swapped[600] = 'X';
    registry.answer_next("GET", digest_of(image.layers[1]).render(), 200, 1, swapped);
    Fixture test;

    EXPECT_THAT(test.pull(registry), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(test.refs(), IsEmpty());
    EXPECT_THAT(test.pull(registry), Succeeds());
}

TEST(Pull, RefusesWhatIsNoManifestOfOurDays) {
    FakeRegistry registry;
    registry.put_manifest(
        "app",
        "1",
        R"({"schemaVersion":1,"fsLayers":[]})",
        "application/vnd.docker.distribution.manifest.v1+prettyjws"
    );
    Fixture test;

    EXPECT_THAT(test.pull(registry), FailsWith(Code::unsupported));
}

TEST(Pull, SaysForWhichPlatformsThereIsAnImage) {
    FakeRegistry registry;
    const std::string entry = fmt::format(
        R"({{"mediaType":"{}","digest":"{}","size":1,)"
        R"("platform":{{"os":"linux","architecture":"s390x"}}}})",
        oci::k_manifest,
        digest_of("x").render()
    );
    registry.put_manifest(
        "app",
        "1",
        fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", entry),
        std::string(oci::k_index)
    );
    Fixture test;

    const auto pulled = test.pull(registry);

    ASSERT_THAT(pulled, FailsWith(Code::not_found));
    EXPECT_THAT(pulled.error().message, HasSubstr("linux/s390x"));
}

TEST(Pull, BringsTheArtifactsThatWerePushedWithAnImage) {
    FakeRegistry registry;
    two_layers().put(registry, "1");
    Fixture origin;
    ASSERT_THAT(origin.pull(registry), Succeeds());
    store::Store& store = *origin.daemon.store;
    const store::Lease lease = store.lease();
    const Descriptor image = find_image(store, "pulled:1").value().target;
    const Artifact artifact{
        .artifact_type = "application/vnd.example.environment",
        .documents = {{"application/yaml", "name: a\n"}, {"application/vnd.lock", "{}"}},
        .annotations = {{"example.name", "a"}}};
    PushOrder order{.source = image, .destination = registry.host() + "/shared:1"};
    order.referrers = {keep_artifact(store, lease, artifact, image).value()};
    ASSERT_THAT(origin.push(order), Succeeds());
    Fixture test;

    PullOrder wanted{.reference = registry.host() + "/shared:1"};
    wanted.referrers = {artifact.artifact_type};
    ASSERT_THAT(test.pull(wanted), Succeeds());

    const auto referrers = test.daemon.store->index().find_referrers(image.digest);
    ASSERT_THAT(referrers, Succeeds());
    ASSERT_THAT(*referrers, SizeIs(1));
    const auto read = read_artifact(*test.daemon.store, referrers->front());
    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->artifact_type, artifact.artifact_type);
    EXPECT_EQ(read->annotations, artifact.annotations);
    ASSERT_THAT(read->documents, SizeIs(2));
    EXPECT_EQ(read->documents[0].text, "name: a\n");
    EXPECT_EQ(read->documents[1].media_type, "application/vnd.lock");
}

TEST(Pull, LeavesOutTheArtifactsThatNobodyAskedFor) {
    FakeRegistry registry;
    two_layers().put(registry, "1");
    Fixture test;

    ASSERT_THAT(test.pull(registry), Succeeds());

    EXPECT_EQ(count(registry, "/referrers/"), 0);
}

TEST(Pull, RefusesADocumentThatIsAboutSomethingElse) {
    FakeRegistry registry;
    two_layers().put(registry, "1");
    const std::string stray = fmt::format(
        R"({{"schemaVersion":2,"artifactType":"x/y","config":{0},"layers":[{0}],"subject":{1}}})",
        describe(oci::k_empty, "{}", 2),
        describe(oci::k_manifest, "another", 7)
    );
    const Digest digest = registry.put_manifest("app", "stray", stray);
    const std::string index = fmt::format(
        R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":{},)"
        R"("artifactType":"x/y"}}]}})",
        oci::k_manifest,
        digest.render(),
        stray.size()
    );
    registry.answer_next("GET", "/referrers/", 200, 1, index);
    Fixture test;

    PullOrder order{.reference = registry.host() + "/app:1"};
    order.referrers = {"*"};

    EXPECT_THAT(test.pull(order), FailsWith(Code::invalid_input));
    EXPECT_THAT(test.refs(), IsEmpty());
}

TEST(Pull, EndsWhenItsJobIsCancelled) {
    FakeRegistry registry;
    two_layers().put(registry, "1");
    registry.answer_next("GET", "/blobs/", 503, 100);  // asked again for as long as it may
    Fixture test;
    const auto job = test.start(PullOrder{.reference = registry.host() + "/app:1"});

    job->cancel();
    test.daemon.run_until_idle();

    EXPECT_EQ(job->status(), JobStatus::cancelled);
}

}  // namespace
}  // namespace kiln::daemon
