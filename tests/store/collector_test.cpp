#include "store/collector.hpp"

#include "store/hasher.hpp"
#include "store/pack_stream.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace kiln::store {
namespace {

using testing::describe;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::k_document_type;
using testing::render_document;
using ::testing::SizeIs;
using testing::Succeeds;
using testing::TempStore;

CollectReport collect(TempStore& store, const CollectPolicy& policy = {}) {
    const auto report = store->collect(policy, {});
    EXPECT_THAT(report, Succeeds());
    return report ? *report : CollectReport{};
}

/// A recorded cache record with a layer of its own.
LayerFacts record_step(TempStore& store, const std::string& name) {
    const Lease lease = store->lease();
    const LayerFacts layer = store.put_layer(lease, name);
    const Batch batch{
        .layers = {layer},
        .cache = {{.key = digest_of("key of " + name), .diff_id = layer.diff_id}}};
    EXPECT_THAT(store->record(batch), Succeeds());
    return layer;
}

/// A recorded context of one content.
Digest record_context(TempStore& store, const std::string& name) {
    const Lease lease = store->lease();
    const PackHeader header{.content = digest_of(name), .size_bytes = name.size()};
    const PackHeader::Raw raw = header.render();
    Bytes stream(raw.begin(), raw.end());
    const ByteSpan bytes = as_bytes(name);
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    SpanSource source(stream);
    EXPECT_THAT(store->packs().receive(source, lease, {}), Succeeds());
    const Digest listing = digest_of("listing of " + name);
    EXPECT_THAT(store->tables().put(listing, as_bytes("listing of " + name), lease), Succeeds());
    const Batch batch{.contexts = {{.listing = listing, .contents = {digest_of(name)}}}};
    EXPECT_THAT(store->record(batch), Succeeds());
    return listing;
}

TEST(Collector, TakesWhatNothingReaches) {
    TempStore store;
    {
        const Lease lease = store->lease();
        store.put(lease, "abandoned");
    }

    const CollectReport report = collect(store);

    EXPECT_EQ(report.blobs, 1U);
    EXPECT_EQ(report.freed_bytes, 9U);
    EXPECT_EQ(report.kept_bytes, 0U);
    EXPECT_FALSE(store.has(describe("abandoned")));
    EXPECT_THAT(store.list("blobs/sha256"), IsEmpty());
    EXPECT_THAT(store.list("kiln/tmp"), IsEmpty());
}

TEST(Collector, LeavesWhatARefReaches) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const LayerFacts layer = store.put_layer(lease, "a");
        const Descriptor manifest =
            store.put(lease, render_document({describe("zstd of a")}), k_document_type);
        const Batch batch{.layers = {layer}, .refs = {{.name = "app", .target = manifest}}};
        ASSERT_THAT(store->record(batch), Succeeds());
    }

    const CollectReport report = collect(store);

    EXPECT_EQ(report.blobs + report.tables + report.layers, 0U);
    EXPECT_TRUE(store.has(describe("zstd of a")));
    EXPECT_THAT(store->tables().open(digest_of("tar of a")), Succeeds());
    EXPECT_TRUE((*store->index().find_layer(digest_of("tar of a"))).has_value());
}

TEST(Collector, TakesAnImageWithItsLastName) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const LayerFacts layer = store.put_layer(lease, "a");
        const Descriptor manifest =
            store.put(lease, render_document({describe("zstd of a")}), k_document_type);
        const Batch batch{.layers = {layer}, .refs = {{.name = "app", .target = manifest}}};
        ASSERT_THAT(store->record(batch), Succeeds());
    }
    ASSERT_THAT(store->record({.removed_refs = {"app"}}), Succeeds());

    const CollectReport report = collect(store);

    EXPECT_EQ(report.blobs, 2U);
    EXPECT_EQ(report.tables, 1U);
    EXPECT_EQ(report.layers, 1U);
    EXPECT_EQ(*store->index().find_layer(digest_of("tar of a")), std::nullopt);
}

TEST(Collector, LeavesWhatALeaseKeepsUntilItEnds) {
    TempStore store;
    {
        const Lease lease = store->lease();
        store.put(lease, "in work");
        collect(store);
        EXPECT_TRUE(store.has(describe("in work")));
    }

    collect(store);

    EXPECT_FALSE(store.has(describe("in work")));
}

TEST(Collector, FollowsTheDescriptorThatALeaseKeeps) {
    TempStore store;
    {
        const Lease writing = store->lease();
        const Descriptor layer = store.put(writing, "layer");
        const Descriptor manifest = store.put(writing, render_document({layer}), k_document_type);
        ASSERT_THAT(store->record({.refs = {{.name = "base", .target = manifest}}}), Succeeds());
    }
    const Lease building = store->lease();
    building.keep((*store->index().find_ref("base"))->target);
    ASSERT_THAT(store->record({.removed_refs = {"base"}}), Succeeds());

    collect(store);

    EXPECT_TRUE(store.has(describe("layer")));
}

TEST(Collector, LeavesAnUploadUntilItsTimeIsOver) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const Descriptor blob = store.put(lease, "uploaded");
        store->leases().keep_for(blob.digest, 60);
    }
    collect(store);
    EXPECT_TRUE(store.has(describe("uploaded")));

    store.clock().advance(61);
    collect(store);

    EXPECT_FALSE(store.has(describe("uploaded")));
}

TEST(Collector, TakesFilesThatACrashLeftAndLeavesForeignNames) {
    TempStore store;
    store.directory().write("root/blobs/sha256/" + digest_of("x").hex(), "torn");
    store.directory().write("root/blobs/sha256/README", "of somebody else");

    const CollectReport report = collect(store);

    EXPECT_EQ(report.blobs, 1U);
    EXPECT_EQ(report.freed_bytes, 4U);
    EXPECT_THAT(store.list("blobs/sha256"), ElementsAre("README"));
}

TEST(Collector, ForgetsCacheRecordsThatWereNotUsedFor) {
    TempStore store;
    record_step(store, "old");
    store.clock().advance(100);
    record_step(store, "new");

    const CollectReport report = collect(store, {.keep_age_seconds = 50});

    EXPECT_EQ(report.cache_records, 1U);
    EXPECT_EQ(report.layers, 1U);
    EXPECT_EQ(*store->index().find_cache(digest_of("key of old")), std::nullopt);
    EXPECT_FALSE(store.has(describe("zstd of old")));
    EXPECT_TRUE(store.has(describe("zstd of new")));
}

TEST(Collector, KeepsTheLatestUsedWithinTheSize) {
    TempStore store;
    for (const char* const name : {"a", "b", "c"}) {
        record_step(store, name);
        store.clock().advance(10);
    }
    store->used(digest_of("key of a"));
    const std::uint64_t two_steps = 2 * (std::string("zstd of a").size() + 10);

    const CollectReport report = collect(store, {.keep_size_bytes = two_steps});

    EXPECT_EQ(report.kept_bytes, two_steps);
    EXPECT_TRUE((*store->index().find_cache(digest_of("key of a"))).has_value());
    EXPECT_FALSE((*store->index().find_cache(digest_of("key of b"))).has_value());
    EXPECT_TRUE((*store->index().find_cache(digest_of("key of c"))).has_value());
}

TEST(Collector, TakesContextsBeforeTheCache) {
    TempStore store;
    const LayerFacts layer = record_step(store, "a");
    store.clock().advance(10);
    const Digest listing = record_context(store, "content");
    const std::uint64_t step_bytes = std::string("zstd of a").size() + 10;

    const CollectReport report = collect(store, {.keep_size_bytes = step_bytes + 5});

    EXPECT_EQ(report.packs, 1U);
    EXPECT_EQ(report.contexts, 1U);
    EXPECT_TRUE((*store->index().find_cache(digest_of("key of a"))).has_value());
    EXPECT_FALSE(*store->index().has_context(listing));
    EXPECT_EQ(*store->packs().find(digest_of("content")), std::nullopt);
    EXPECT_THAT(store->packs().open(digest_of("content")), FailsWith(Code::not_found));
}

TEST(Collector, LeavesTheContextOfALease) {
    TempStore store;
    const Digest listing = record_context(store, "content");
    const Lease building = store->lease();
    building.keep(listing);

    collect(store, {.keep_size_bytes = 0});

    EXPECT_TRUE(*store->index().has_context(listing));
    EXPECT_THAT(store->packs().open(digest_of("content")), Succeeds());
}

TEST(Collector, TakesAPackThatNoContextNames) {
    TempStore store;
    {
        const Lease lease = store->lease();
        const PackHeader::Raw raw = PackHeader{.content = digest_of(""), .size_bytes = 0}.render();
        const Bytes stream(raw.begin(), raw.end());
        SpanSource source(stream);
        const auto received = store->packs().receive(source, lease, {});
        ASSERT_THAT(store->record({.packs = {*received->pack}}), Succeeds());
    }

    EXPECT_EQ(collect(store).packs, 1U);

    EXPECT_THAT(store.list("kiln/packs"), IsEmpty());
}

TEST(Collector, ReportsExactlyWhatItWouldDo) {
    TempStore store;
    record_step(store, "a");
    record_context(store, "content");
    store.directory().write("root/blobs/sha256/" + digest_of("x").hex(), "torn");
    const CollectPolicy policy{.keep_size_bytes = 0};

    const CollectReport dry =
        collect(store, {.keep_size_bytes = 0, .dry = CollectPolicy::Dry::yes});
    EXPECT_TRUE(store.has(describe("zstd of a")));
    const CollectReport real = collect(store, policy);

    EXPECT_EQ(dry, real);
    EXPECT_EQ(real.kept_bytes, 0U);
    EXPECT_EQ(collect(store, policy), CollectReport{});
}

TEST(Collector, TellsTheExecutorWhichLayersAreGone) {
    TempStore store;
    std::vector<Digest> removed;
    store.hooks = {
        .size_bytes = [](const Digest&) -> Result<std::uint64_t> { return 7; },
        .remove = [&](const Digest& diff_id) -> Result<void> {
            removed.push_back(diff_id);
            return {};
        }};
    store.reopen();
    const LayerFacts layer = record_step(store, "a");
    store.directory().write("root/kiln/unpacked/" + layer.diff_id.hex() + "/x", "");
    store.directory().write("root/kiln/unpacked/" + digest_of("gone").hex() + "/x", "");
    store.directory().write("root/kiln/unpacked/work", "");

    const CollectReport report = collect(store);

    EXPECT_THAT(removed, ElementsAre(digest_of("gone")));
    EXPECT_EQ(report.unpacked, 1U);
    EXPECT_EQ(report.freed_bytes, 7U);
}

TEST(Collector, NeverTakesWhatABuildBesideItKeepsOrRecords) {
    TempStore store;
    std::atomic<bool> stop = false;
    std::thread collecting([&] {
        while (!stop) {
            collect(store);
        }
    });
    std::vector<std::thread> builds;

    // Each build finds or makes a few shared layers, names an image of them, and unnames it.
    for (int build = 0; build < 3; ++build) {
        builds.emplace_back([&, build] {
            for (int round = 0; round < 25; ++round) {
                const std::string name = fmt::format("layer {}", (round + build) % 4);
                const Digest diff_id = digest_of("tar of " + name);
                const Lease lease = store->lease();
                lease.keep(diff_id);
                const auto known = store->index().find_layer(diff_id);
                ASSERT_THAT(known, Succeeds());
                const LayerFacts layer = *known ? **known : store.put_layer(lease, name);
                const Descriptor manifest = store.put(
                    lease, render_document({describe("zstd of " + name)}), k_document_type
                );
                const std::string ref = fmt::format("image-{}", build);
                const Batch batch{
                    .layers = {layer},
                    .cache = {{.key = digest_of(name), .diff_id = diff_id}},
                    .refs = {{.name = ref, .target = manifest}}};
                ASSERT_THAT(store->record(batch), Succeeds());
                EXPECT_THAT(store->blobs().open(layer.dresses[0].digest), Succeeds());
                EXPECT_THAT(store->tables().open(diff_id), Succeeds());
                ASSERT_THAT(store->record({.removed_refs = {ref}}), Succeeds());
            }
        });
    }
    for (std::thread& build : builds) {
        build.join();
    }
    stop = true;
    collecting.join();

    const auto verified = store->verify(Repair::no, {});
    ASSERT_THAT(verified, Succeeds());
    EXPECT_THAT(verified->problems, IsEmpty());
}

/// What a random store holds: documents over documents over blobs, some named, some leased.
struct Node {
    std::vector<std::size_t> below;
    bool named = false;
    bool leased = false;
};

RC_GTEST_PROP(CollectorLaw, NeverTakesWhatARefOrALeaseReaches, ()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 8);
    std::vector<Node> nodes(size);
    for (std::size_t i = 0; i < size; ++i) {
        const auto count = *rc::gen::inRange<std::size_t>(0, std::min<std::size_t>(i, 3) + 1);
        for (std::size_t n = 0; n < count; ++n) {
            nodes[i].below.push_back(*rc::gen::inRange<std::size_t>(0, i));
        }
        nodes[i].named = *rc::gen::inRange(0, 3) == 0;
        nodes[i].leased = *rc::gen::inRange(0, 4) == 0;
    }
    const auto keep_size = *rc::gen::inRange<std::uint64_t>(0, 1000);
    TempStore store;
    const Lease held = store->lease();
    std::vector<Descriptor> blobs;
    {
        const Lease lease = store->lease();
        for (std::size_t i = 0; i < size; ++i) {
            std::vector<Descriptor> below;
            for (const std::size_t child : nodes[i].below) {
                below.push_back(blobs[child]);
            }
            below.push_back(describe(fmt::format("absent {}", i)));
            blobs.push_back(store.put(lease, render_document(below), k_document_type));
            if (nodes[i].named) {
                const Ref ref{.name = fmt::format("n{}", i), .target = blobs[i]};
                RC_ASSERT(store->record({.refs = {ref}}).has_value());
            }
            if (nodes[i].leased) {
                held.keep(blobs[i]);
            }
        }
    }

    RC_ASSERT(store->collect({.keep_size_bytes = keep_size}, {}).has_value());

    std::set<std::size_t> reached;
    for (std::size_t i = size; i-- > 0;) {
        if (nodes[i].named || nodes[i].leased || reached.contains(i)) {
            reached.insert(i);
            reached.insert(nodes[i].below.begin(), nodes[i].below.end());
        }
    }
    for (std::size_t i = 0; i < size; ++i) {
        RC_ASSERT(store.has(blobs[i]) == reached.contains(i));
    }
}

/// An image of a document alone, and a manifest that refers to it.
struct Attached {
    Descriptor image;
    Referrer referrer;
};

Attached record_attached(TempStore& store) {
    const Lease lease = store->lease();
    const auto put = [&](const std::string& text) {
        EXPECT_THAT(write_blob(store->blobs(), lease, as_bytes(text)), Succeeds());
        return Descriptor{
            .media_type = "application/x", .digest = digest_of(text), .size_bytes = text.size()};
    };
    Attached attached{.image = put("an image"), .referrer = {}};
    attached.referrer.subject = attached.image.digest;
    attached.referrer.manifest = put("a manifest about it");
    attached.referrer.artifact_type = "application/spdx+json";
    attached.referrer.blobs = {put("a bill of materials").digest};
    const Batch batch{
        .refs = {{.name = "app:1", .target = attached.image}}, .referrers = {attached.referrer}};
    EXPECT_THAT(store->record(batch), Succeeds());
    return attached;
}

TEST(Collector, WhatRefersToAnImageLivesAndGoesWithIt) {
    TempStore store;
    const Attached attached = record_attached(store);

    EXPECT_EQ(collect(store).blobs, 0U);
    EXPECT_THAT(
        store->index().find_referrers(attached.image.digest).value(), ElementsAre(attached.referrer)
    );
    EXPECT_EQ(store->index().referrers().value().size(), 1U);

    ASSERT_THAT(store->record(Batch{.removed_refs = {"app:1"}}), Succeeds());
    EXPECT_EQ(collect(store).blobs, 3U);
    EXPECT_THAT(store->index().referrers().value(), IsEmpty());
}

TEST(Collector, ALeaseOnAnImageKeepsWhatRefersToIt) {
    TempStore store;
    const Attached attached = record_attached(store);
    const Lease lease = store->lease();
    lease.keep(attached.image);

    ASSERT_THAT(store->record(Batch{.removed_refs = {"app:1"}}), Succeeds());

    EXPECT_EQ(collect(store).blobs, 0U);
}

TEST(Store, RefusesWhatRefersToSomethingThatIsNotThere) {
    TempStore store;
    Referrer referrer = record_attached(store).referrer;
    referrer.subject = digest_of("nothing");

    EXPECT_THAT(store->record(Batch{.referrers = {referrer}}), FailsWith(Code::not_found));
}

}  // namespace
}  // namespace kiln::store
