#include "store/verify.hpp"

#include "store/hasher.hpp"
#include "store/pack_stream.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace kiln::store {
namespace {

using testing::describe;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::k_document_type;
using testing::render_document;
using ::testing::SizeIs;
using testing::Succeeds;
using testing::TempStore;

/// Changes bytes on the disk behind the store's back.
void damage(TempStore& store, const std::string& below, std::string_view content) {
    ASSERT_EQ(::chmod((store.root() + "/" + below).c_str(), 0644), 0);
    store.directory().write("root/" + below, content);
}

VerifyReport verify(TempStore& store, Repair repair) {
    const auto report = store->verify(repair, {});
    EXPECT_THAT(report, Succeeds());
    return report ? *report : VerifyReport{};
}

/// A store with one layer, one image of it and a cache record.
void fill(TempStore& store) {
    const Lease lease = store->lease();
    const LayerFacts layer = store.put_layer(lease, "a");
    const Descriptor manifest =
        store.put(lease, render_document({describe("zstd of a")}), k_document_type);
    const Batch batch{
        .layers = {layer},
        .cache = {{.key = digest_of("key"), .diff_id = layer.diff_id}},
        .refs = {{.name = "app", .target = manifest}}};
    ASSERT_THAT(store->record(batch), Succeeds());
}

TEST(Verify, FindsNothingInAGoodStore) {
    TempStore store;
    fill(store);

    const VerifyReport report = verify(store, Repair::no);

    EXPECT_EQ(report.blobs, 3U);
    EXPECT_THAT(report.problems, IsEmpty());
}

TEST(Verify, NamesABlobWhoseBytesChanged) {
    TempStore store;
    fill(store);
    damage(store, "blobs/sha256/" + digest_of("zstd of a").hex(), "zstd of b");

    const VerifyReport report = verify(store, Repair::no);

    ASSERT_THAT(report.problems, SizeIs(1));
    EXPECT_EQ(report.problems[0].what, "blob");
    EXPECT_EQ(report.problems[0].digest, digest_of("zstd of a"));
    EXPECT_THAT(report.problems[0].detail, HasSubstr(digest_of("zstd of b").render()));
    EXPECT_FALSE(report.problems[0].quarantined);
    EXPECT_TRUE(store.has(describe("zstd of a")));
}

TEST(Verify, ForgetsWhatReferredToAnImageWithADocumentThatIsDamaged) {
    TempStore store;
    const Lease lease = store->lease();
    const Descriptor image = store.put(lease, "an image", "application/x");
    const Descriptor document = store.put(lease, "a bill of materials", "application/x");
    const Referrer referrer{
        .subject = image.digest,
        .manifest = store.put(lease, "a manifest about it", "application/x"),
        .artifact_type = "application/spdx+json",
        .blobs = {document.digest}};
    const Batch batch{.refs = {{.name = "app", .target = image}}, .referrers = {referrer}};
    ASSERT_THAT(store->record(batch), Succeeds());
    damage(store, "blobs/sha256/" + document.digest.hex(), "a bill of substance");

    EXPECT_THAT(verify(store, Repair::yes).problems, SizeIs(1));

    EXPECT_THAT(store->index().referrers().value(), IsEmpty());
}

TEST(Verify, NamesATableWhoseBytesChanged) {
    TempStore store;
    fill(store);
    damage(store, "kiln/tables/" + digest_of("tar of a").hex(), "table of b");

    const VerifyReport report = verify(store, Repair::no);

    ASSERT_THAT(report.problems, SizeIs(1));
    EXPECT_EQ(report.problems[0].what, "table");
}

TEST(Verify, QuarantinesSoThatTheNextBuildMakesItAnew) {
    TempStore store;
    fill(store);
    const std::string hex = digest_of("zstd of a").hex();
    damage(store, "blobs/sha256/" + hex, "zstd of b");

    const VerifyReport report = verify(store, Repair::yes);

    ASSERT_THAT(report.problems, SizeIs(2));
    EXPECT_TRUE(report.problems[0].quarantined);
    EXPECT_EQ(report.problems[1].what, "ref app");
    EXPECT_THAT(report.problems[1].detail, HasSubstr(hex));
    EXPECT_EQ(*store->index().find_cache(digest_of("key")), std::nullopt);
    EXPECT_EQ(*store->index().find_layer(digest_of("tar of a")), std::nullopt);
    EXPECT_THAT(store.list("kiln/quarantine"), SizeIs(1));
    fill(store);
    EXPECT_THAT(verify(store, Repair::no).problems, IsEmpty());
}

TEST(Verify, QuarantinesATable) {
    TempStore store;
    fill(store);
    damage(store, "kiln/tables/" + digest_of("tar of a").hex(), "");

    const VerifyReport report = verify(store, Repair::yes);

    ASSERT_THAT(report.problems, SizeIs(1));
    EXPECT_THAT(report.problems[0].detail, HasSubstr("0 bytes"));
    EXPECT_FALSE(*store->tables().has(digest_of("tar of a")));
    EXPECT_EQ(*store->index().find_cache(digest_of("key")), std::nullopt);
}

/// A store with one context; its pack's path below the root, and the pack.
std::pair<std::string, std::string> fill_pack(TempStore& store, const std::string& content) {
    const Lease lease = store->lease();
    const auto header =
        PackHeader{.content = digest_of(content), .size_bytes = content.size()}.render();
    const std::string pack = std::string(as_text(header)) + content;
    SpanSource stream(as_bytes(pack));
    EXPECT_THAT(store->packs().receive(stream, lease, {}), Succeeds());
    const Digest listing = digest_of("listing");
    EXPECT_THAT(store->tables().put(listing, as_bytes("listing"), lease), Succeeds());
    const Batch batch{.contexts = {{.listing = listing, .contents = {digest_of(content)}}}};
    EXPECT_THAT(store->record(batch), Succeeds());
    return {"kiln/packs/" + store.list("kiln/packs").at(0), pack};
}

TEST(Verify, HashesEveryContentOfAPack) {
    TempStore store;
    const auto [path, pack] = fill_pack(store, "content");
    EXPECT_THAT(verify(store, Repair::no).problems, IsEmpty());
    for (const std::size_t place : {std::size_t{3}, pack.size() - 1}) {
        std::string bad = pack;
        bad[place] = static_cast<char>(bad[place] ^ 1);
        damage(store, path, bad);

        const VerifyReport report = verify(store, Repair::no);

        ASSERT_THAT(report.problems, SizeIs(1)) << "byte " << place;
        EXPECT_EQ(report.problems[0].what, "pack");
    }
}

TEST(Verify, NamesABlobThatIsGoneFromTheDisk) {
    TempStore store;
    fill(store);
    ASSERT_EQ(
        ::unlink((store.root() + "/blobs/sha256/" + digest_of("zstd of a").hex()).c_str()), 0
    );

    const VerifyReport report = verify(store, Repair::yes);

    ASSERT_THAT(report.problems, SizeIs(2));
    EXPECT_THAT(report.problems[0].detail, HasSubstr("gone from the disk"));
}

TEST(Verify, StopsWhenAsked) {
    TempStore store;
    fill(store);
    std::stop_source stop;
    stop.request_stop();

    EXPECT_THAT(store->verify(Repair::no, stop.get_token()), testing::FailsWith(Code::cancelled));
}

}  // namespace
}  // namespace kiln::store
