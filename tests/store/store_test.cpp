#include "store/store.hpp"

#include "store/base/json.hpp"
#include "store/hasher.hpp"
#include "store/root_layout.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace kiln::store {
namespace {

using testing::describe;
using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::k_document_type;
using testing::render_document;
using ::testing::SizeIs;
using testing::Succeeds;
using testing::TempStore;

TEST(Store, IsAnImageLayoutFromTheFirstMoment) {
    TempStore store;

    EXPECT_EQ(store.directory().read("root/oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
    const auto refs = parse_index_json(store.directory().read("root/index.json"));
    ASSERT_THAT(refs, Succeeds());
    EXPECT_THAT(*refs, IsEmpty());
}

TEST(Store, RefusesASecondDaemonAndNamesTheFirst) {
    TempStore store;

    const auto second = Store::open(store.options());

    EXPECT_THAT(second, FailsSaying(Code::conflict, std::to_string(::getpid())));
}

TEST(Store, OpensAgainAfterTheFirstHasGone) {
    TempStore store;

    store.close();

    EXPECT_THAT(Store::open(store.options()), Succeeds());
}

TEST(Store, EmptiesTheTemporaryDirectoryAtStart) {
    TempStore store;
    store.close();
    store.directory().write("root/kiln/tmp/new-7", "half a blob");

    store.reopen();

    EXPECT_THAT(store.list("kiln/tmp"), IsEmpty());
}

TEST(Store, RemembersWhatWasRecorded) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const LayerFacts layer = store.put_layer(lease, "a");
        const Descriptor manifest = store.put(lease, "manifest");
        const Batch batch{
            .layers = {layer},
            .cache = {{.key = digest_of("key"), .diff_id = layer.diff_id, .payload = "env"}},
            .slots =
                {{.slot = digest_of("slot"),
                  .key = digest_of("key"),
                  .ingredients = {{"app.py", "sha256:aa"}}}},
            .refs = {{.name = "app:1", .target = manifest}}};

        ASSERT_THAT(store->record(batch), Succeeds());
    }

    store.reopen();

    const Index& index = store->index();
    EXPECT_EQ((*index.find_ref("app:1"))->target, describe("manifest"));
    const auto layer = *index.find_layer(digest_of("tar of a"));
    ASSERT_TRUE(layer.has_value());
    EXPECT_EQ(layer->origin, "a");
    ASSERT_THAT(layer->dresses, SizeIs(1));
    EXPECT_EQ(layer->dresses[0].digest, digest_of("zstd of a"));
    EXPECT_EQ(layer->dresses[0].frames.frames[0].tar_bytes, 7U);
    EXPECT_EQ((*index.find_layer_by_dress(digest_of("zstd of a")))->diff_id, layer->diff_id);
    EXPECT_EQ((*index.find_cache(digest_of("key")))->payload, "env");
    EXPECT_THAT(
        (*index.find_slot(digest_of("slot")))->ingredients,
        ElementsAre(Ingredient{"app.py", "sha256:aa"})
    );
    EXPECT_EQ(as_text(store->tables().open(layer->diff_id)->bytes()), "table of a");
}

TEST(Store, AddsADressToALayerThatItKnows) {
    TempStore store;
    const Lease lease = store->lease();
    LayerFacts layer = store.put_layer(lease, "a");
    ASSERT_THAT(store->record({.layers = {layer}}), Succeeds());
    const Descriptor gzip = store.put(lease, "gzip of a");
    layer.dresses = {
        {.compression = Compression::gzip, .digest = gzip.digest, .size_bytes = 9, .frames = {}}};

    ASSERT_THAT(store->record({.layers = {layer}}), Succeeds());

    EXPECT_THAT((*store->index().find_layer(layer.diff_id))->dresses, SizeIs(2));
}

TEST(Store, FramesThatWereNotKnownAreLearntLater) {
    TempStore store;
    const Lease lease = store->lease();
    const LayerFacts written = store.put_layer(lease, "a");
    LayerFacts pulled = written;
    pulled.dresses[0].frames.frames.clear();

    for (const LayerFacts& each : {pulled, written, pulled}) {
        ASSERT_THAT(store->record({.layers = {each}}), Succeeds());
    }

    EXPECT_EQ((*store->index().find_layer(written.diff_id))->dresses, written.dresses);
}

TEST(Store, RecordsNothingThatNamesAnAbsentBlob) {
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor here = store.put(lease, "here");
    const Batch batch{
        .refs = {{.name = "good", .target = here}, {.name = "bad", .target = describe("absent")}}};

    const auto recorded = store->record(batch);

    EXPECT_THAT(recorded, FailsWith(Code::not_found));
    EXPECT_THAT(*store->index().refs(), IsEmpty());
}

TEST(Store, RecordsNoLayerWithoutItsTable) {
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor blob = store.put(lease, "blob");
    const LayerFacts layer{
        .diff_id = digest_of("tar"),
        .tar_bytes = 3,
        .entries = 0,
        .origin = "",
        .dresses = {{.digest = blob.digest, .size_bytes = 4, .frames = {}}}};

    EXPECT_THAT(store->record({.layers = {layer}}), FailsSaying(Code::not_found, "table"));
}

TEST(Store, MakesWhatAManifestReachesDurableWithItsName) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const Descriptor layer = store.put(lease, "layer");
        const Descriptor manifest = store.put(lease, render_document({layer}), k_document_type);

        ASSERT_THAT(store->record({.refs = {{.name = "a", .target = manifest}}}), Succeeds());
    }

    store.reopen();

    EXPECT_TRUE(store.has(describe("layer")));
}

TEST(Store, NamesAndUnnames) {
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor blob = store.put(lease, "image");
    ASSERT_THAT(store->record({.refs = {{.name = "a:1", .target = blob}}}), Succeeds());

    const auto moved =
        store->record({.refs = {{.name = "b:1", .target = blob}}, .removed_refs = {"a:1"}});

    ASSERT_THAT(moved, Succeeds());
    const auto written = parse_index_json(store.directory().read("root/index.json"));
    ASSERT_THAT(written, Succeeds());
    ASSERT_THAT(*written, SizeIs(1));
    EXPECT_EQ(written->at(0).name, "b:1");
    EXPECT_EQ(written->at(0).target, blob);
    EXPECT_THAT(store->record({.removed_refs = {"a:1"}}), FailsSaying(Code::not_found, "a:1"));
}

TEST(Store, OfManyWhoNameAtOnceEachFindsItsNameInIndexJson) {
    constexpr int k_threads = 8;
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor blob = store.put(lease, "image");
    std::atomic<int> missing = 0;
    const auto name_many = [&](int thread) {
        for (int i = 0; i < 20; ++i) {
            const std::string name = fmt::format("name{}:{}", thread, i);
            const bool recorded =
                store->record({.refs = {{.name = name, .target = blob}}}).has_value();
            const std::string text = store.directory().read("root/index.json");
            missing += recorded && text.find('"' + name + '"') != std::string::npos ? 0 : 1;
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < k_threads; ++thread) {
            threads.emplace_back(name_many, thread);
        }
    }

    EXPECT_EQ(missing, 0);
}

TEST(Store, TellsOfNamesThatWereSet) {
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor blob = store.put(lease, "image");
    std::vector<std::string> told;
    store->watch_names([&](const std::vector<Ref>& refs) { told.push_back(refs.front().name); });

    ASSERT_THAT(store->record({.refs = {{.name = "a:1", .target = blob}}}), Succeeds());
    ASSERT_THAT(store->record({.removed_refs = {"a:1"}}), Succeeds());
    store->watch_names({});
    ASSERT_THAT(store->record({.refs = {{.name = "b:1", .target = blob}}}), Succeeds());

    EXPECT_THAT(told, ::testing::ElementsAre("a:1"));
}

TEST(Store, RewritesAStaleIndexJsonAtStart) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const Descriptor blob = store.put(lease, "image");
        ASSERT_THAT(store->record({.refs = {{.name = "a", .target = blob}}}), Succeeds());
    }
    const std::string right = store.directory().read("root/index.json");
    store.close();
    store.directory().write("root/index.json", "{");

    store.reopen();

    EXPECT_EQ(store.directory().read("root/index.json"), right);
}

TEST(Store, WritesLastUsesTogetherAndLater) {
    TempStore store;
    const Lease lease = store->lease();
    ASSERT_THAT(store->record({.cache = {{.key = digest_of("key")}}}), Succeeds());
    const UnixSeconds before = store->index().cache_uses()->at(0).used;
    store.clock().advance(60);

    store->used(digest_of("key"));
    EXPECT_EQ(store->index().cache_uses()->at(0).used, before);
    ASSERT_THAT(store->write_uses(), Succeeds());

    EXPECT_EQ(store->index().cache_uses()->at(0).used, before + 60);
}

}  // namespace
}  // namespace kiln::store
