#include "store/packs.hpp"

#include "store/hasher.hpp"
#include "store/pack_stream.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::store {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::Succeeds;
using testing::TempStore;

Bytes upload(const std::vector<std::string>& contents) {
    Bytes stream;
    for (const std::string& content : contents) {
        const auto header =
            PackHeader{.content = digest_of(content), .size_bytes = content.size()}.render();
        stream.insert(stream.end(), header.begin(), header.end());
        const ByteSpan bytes = as_bytes(content);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    return stream;
}

Result<Received> receive(TempStore& store, const Lease& lease, const Bytes& stream) {
    SpanSource source(stream);
    return store->packs().receive(source, lease, {});
}

std::string read(TempStore& store, const std::string& content) {
    const auto opened = store->packs().open(digest_of(content));
    EXPECT_THAT(opened, Succeeds());
    FdSource source = opened->source();
    const auto bytes = read_all(source, 1 << 20, "the content");
    EXPECT_THAT(bytes, Succeeds());
    return std::string(as_text(*bytes));
}

RC_GTEST_PROP(Packs, KeepEveryByteWhateverTheSizes, ()) {
    TempStore store;
    const Lease lease = store->lease();
    // A buffer of WriteBehind is a mebibyte, headers included.
    const auto count = *rc::gen::inRange<std::size_t>(0, 5);
    const auto sizes = *rc::gen::container<std::vector<std::size_t>>(
        count, rc::gen::element<std::size_t>(0, 1, 1'048'535, 1'048'536, 1'048'577, 2'500'000)
    );
    std::vector<std::string> contents;
    for (const std::size_t size : sizes) {
        contents.emplace_back(size, static_cast<char>('a' + contents.size() % 26));
    }

    const auto received = receive(store, lease, upload(contents));

    RC_ASSERT(received.has_value());
    for (const std::string& content : contents) {
        const auto opened = store->packs().open(digest_of(content));
        RC_ASSERT(opened.has_value());
        FdSource source = opened->source();
        const auto bytes = read_all(source, 1 << 22, "the content");
        RC_ASSERT(bytes.has_value());
        RC_ASSERT(as_text(*bytes) == content);
    }
}

TEST(Packs, GiveBackEachContentOfAnUpload) {
    TempStore store;
    const Lease lease = store->lease();
    const std::string large(700'000, 'x');

    const auto received = receive(store, lease, upload({"one", "", large, "three"}));

    ASSERT_THAT(received, Succeeds());
    EXPECT_EQ(received->contents, 4U);
    EXPECT_EQ(received->size_bytes, 700'008U);
    for (const std::string& content : {std::string("one"), std::string(), large}) {
        EXPECT_EQ(read(store, content), content);
    }
    EXPECT_EQ(store.list("kiln/packs").size(), 1U);
}

TEST(Packs, TellWhatIsMissingInTheOrderOfAsking) {
    TempStore store;
    const Lease lease = store->lease();
    ASSERT_THAT(receive(store, lease, upload({"b"})), Succeeds());
    const std::vector<Digest> wanted{
        digest_of("c"), digest_of("b"), digest_of("a"), digest_of("c")};

    const auto search = store->packs().search(wanted);

    ASSERT_THAT(search, Succeeds());
    EXPECT_THAT(search->missing, ElementsAre(digest_of("c"), digest_of("a")));
    EXPECT_EQ(search->packs.size(), 1U);
}

TEST(Packs, KeepOnlyWhatIsNew) {
    TempStore store;
    const Lease lease = store->lease();
    ASSERT_THAT(receive(store, lease, upload({"a", "b"})), Succeeds());

    const auto again = receive(store, lease, upload({"b", "a"}));
    const auto more = receive(store, lease, upload({"b", "c", "c"}));

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->pack, std::nullopt);
    ASSERT_THAT(more, Succeeds());
    EXPECT_EQ(more->contents, 1U);
    EXPECT_EQ(read(store, "c"), "c");
}

TEST(Packs, KeepNothingOfAnUploadWithAWrongContent) {
    TempStore store;
    const Lease lease = store->lease();
    Bytes stream = upload({"good", "bad"});
    stream.back() = std::byte{'x'};

    EXPECT_THAT(receive(store, lease, stream), FailsWith(Code::digest_mismatch));

    EXPECT_EQ(*store->packs().find(digest_of("good")), std::nullopt);
    EXPECT_THAT(store.list("kiln/packs"), IsEmpty());
}

TEST(Packs, KeepNothingOfAnUploadThatIsCutOff) {
    TempStore store;
    const Lease lease = store->lease();
    const Bytes whole = upload({"first", "second"});

    for (std::size_t size = 1; size < whole.size(); ++size) {
        if (size == PackHeader::k_size + 5) {
            continue;  // the end of the first: a whole upload of one
        }
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THAT(receive(store, lease, part), FailsWith(Code::corrupt)) << size;
    }

    EXPECT_THAT(store.list("kiln/packs"), IsEmpty());
}

TEST(Packs, RefuseAContentThatClaimsToBeHuge) {
    TempStore store;
    const Lease lease = store->lease();
    const auto header = PackHeader{.content = digest_of("x"), .size_bytes = UINT64_MAX}.render();

    const auto received = receive(store, lease, Bytes(header.begin(), header.end()));

    EXPECT_THAT(received, FailsWith(Code::too_large));
}

TEST(Packs, StayWithTheContextThatWasRecorded) {
    TempStore store;
    const Digest listing = digest_of("listing");
    {
        const Lease lease = store->lease();
        ASSERT_THAT(receive(store, lease, upload({"a", "b"})), Succeeds());
        ASSERT_THAT(store->tables().put(listing, as_bytes("listing"), lease), Succeeds());
        const Batch batch{
            .contexts = {{.listing = listing, .contents = {digest_of("a"), digest_of("b")}}}};
        ASSERT_THAT(store->record(batch), Succeeds());
    }

    store.reopen();

    EXPECT_TRUE(*store->index().has_context(listing));
    EXPECT_EQ(read(store, "b"), "b");
    EXPECT_EQ(as_text(store->tables().open(listing)->bytes()), "listing");
}

TEST(Packs, StayForWhoKeepsThemWhileItLooks) {
    TempStore store;
    {
        const Lease receiving = store->lease();
        ASSERT_THAT(receive(store, receiving, upload({"a"})), Succeeds());
    }
    const Lease building = store->lease();
    const std::vector<Digest> wanted{digest_of("a"), digest_of("b")};

    const auto search =
        store->packs().search_and_keep(wanted, [&](const Digest& pack) { building.keep(pack); });
    ASSERT_THAT(store->collect({.keep_size_bytes = 0}, {}), Succeeds());

    EXPECT_THAT(search->missing, ElementsAre(digest_of("b")));
    EXPECT_EQ(read(store, "a"), "a");
}

TEST(Packs, RecordNoContextWithAMissingContent) {
    TempStore store;
    const Lease lease = store->lease();
    ASSERT_THAT(store->tables().put(digest_of("l"), as_bytes("l"), lease), Succeeds());
    const Batch batch{.contexts = {{.listing = digest_of("l"), .contents = {digest_of("absent")}}}};

    EXPECT_THAT(store->record(batch), FailsWith(Code::not_found));

    EXPECT_FALSE(*store->index().has_context(digest_of("l")));
}

}  // namespace
}  // namespace kiln::store
