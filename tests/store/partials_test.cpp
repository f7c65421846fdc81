#include "store/partials.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace kiln::store {
namespace {

using testing::describe;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::Succeeds;
using testing::TempStore;

constexpr std::string_view k_whole = "what is to come, in two parts";
const Digest k_name = digest_of("where it comes from");

/// Goes on with the part, which has `had`, and writes `bytes`; ended uncommitted.
void leave(TempStore& store, std::string_view had, std::string_view bytes) {
    const Lease lease = store->lease();
    const auto resumed = store->partials().resume(k_name, lease);
    ASSERT_THAT(resumed, Succeeds());
    EXPECT_EQ(resumed->had_bytes, had.size());
    EXPECT_THAT(resumed->writer->write(as_bytes(bytes)), Succeeds());
}

TEST(Partials, GoOnAfterARestart) {
    TempStore store;
    leave(store, "", k_whole.substr(0, 7));
    leave(store, k_whole.substr(0, 7), k_whole.substr(7, 5));
    store.reopen();
    const Lease lease = store->lease();

    const auto resumed = store->partials().resume(k_name, lease);

    ASSERT_THAT(resumed, Succeeds());
    EXPECT_EQ(resumed->had_bytes, 12U);
    EXPECT_THAT(resumed->writer->write(as_bytes(k_whole.substr(12))), Succeeds());
    const auto committed = resumed->writer->commit(digest_of(k_whole));
    ASSERT_THAT(committed, Succeeds());
    EXPECT_EQ(committed->size_bytes, k_whole.size());
    EXPECT_TRUE(store.has(describe(k_whole)));
    EXPECT_THAT(store.list("kiln/partial"), IsEmpty());
}

TEST(Partials, OfOtherBytesGoWhenThatShows) {
    TempStore store;
    leave(store, "", "torn");
    const Lease lease = store->lease();

    auto resumed = store->partials().resume(k_name, lease);

    ASSERT_THAT(resumed, Succeeds());
    EXPECT_THAT(resumed->writer->commit(digest_of(k_whole)), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(store.list("kiln/partial"), IsEmpty());
    resumed->writer.reset();
    leave(store, "", "from the beginning");
}

TEST(Partials, HaveOneWriterAndOthersBeginAnew) {
    TempStore store;
    leave(store, "", "half");
    const Lease lease = store->lease();
    const auto first = store->partials().resume(k_name, lease);
    ASSERT_THAT(first, Succeeds());

    const auto second = store->partials().resume(k_name, lease);

    ASSERT_THAT(second, Succeeds());
    EXPECT_EQ(first->had_bytes, 4U);
    EXPECT_EQ(second->had_bytes, 0U);
    EXPECT_THAT(second->writer->write(as_bytes(k_whole)), Succeeds());
    EXPECT_THAT(second->writer->commit(digest_of(k_whole)), Succeeds());
    EXPECT_THAT(store->partials().idle(), Succeeds());
    EXPECT_THAT(*store->partials().idle(), IsEmpty());
    const auto discarded = store->partials().discard(k_name);
    ASSERT_THAT(discarded, Succeeds());
    EXPECT_FALSE(*discarded);
}

TEST(Partials, OfNothingLeaveNothing) {
    TempStore store;
    leave(store, "", "");
    EXPECT_THAT(store.list("kiln/partial"), IsEmpty());
}

TEST(Partials, AreCollectedAsTheCacheIs) {
    TempStore store;
    leave(store, "", "half");
    const auto parts = store->partials().idle();
    ASSERT_THAT(parts, Succeeds());
    ASSERT_EQ(parts->size(), 1U);
    store.clock().advance(parts->front().written + 100 - store.clock().now());
    EXPECT_EQ(store->usage()->reclaimable_bytes, 4U);

    const auto kept = store->collect({.keep_age_seconds = 200}, {});
    const auto dry = store->collect({.dry = CollectPolicy::Dry::yes}, {});
    ASSERT_THAT(kept, Succeeds());
    ASSERT_THAT(dry, Succeeds());
    EXPECT_EQ(kept->freed_bytes, 0U);
    EXPECT_EQ(kept->kept_bytes, 4U);
    EXPECT_EQ(dry->freed_bytes, 4U);
    EXPECT_THAT(store.list("kiln/partial"), ElementsAre(k_name.hex()));

    const auto collected = store->collect({.keep_age_seconds = 50}, {});

    ASSERT_THAT(collected, Succeeds());
    EXPECT_EQ(collected->freed_bytes, 4U);
    EXPECT_THAT(store.list("kiln/partial"), IsEmpty());
}

}  // namespace
}  // namespace kiln::store
