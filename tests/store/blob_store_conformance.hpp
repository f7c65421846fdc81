#pragma once

#include "store/blob_store.hpp"
#include "store/hasher.hpp"
#include "store/lease.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

/// What every BlobStore does. A suite gives `blobs()` and `leases()` of a fresh store.
namespace kiln::testing {

template<class Suite>
class BlobStoreConformance : public ::testing::Test {
  protected:
    store::BlobStore& blobs() { return suite_.blobs(); }

    store::Lease lease() { return suite_.leases().open(); }

  private:
    Suite suite_;
};

TYPED_TEST_SUITE_P(BlobStoreConformance);

TYPED_TEST_P(BlobStoreConformance, GivesBackWhatWasCommitted) {
    const auto lease = this->lease();

    const auto digest = store::write_blob(this->blobs(), lease, as_bytes("hello"));

    ASSERT_THAT(digest, Succeeds());
    EXPECT_EQ(*digest, digest_of("hello"));
    const auto bytes = store::read_blob(this->blobs(), *digest, 5);
    ASSERT_THAT(bytes, Succeeds());
    EXPECT_EQ(as_text(*bytes), "hello");
}

TYPED_TEST_P(BlobStoreConformance, ShowsNothingBeforeTheCommit) {
    const auto lease = this->lease();
    auto writer = this->blobs().begin(lease);
    ASSERT_THAT(writer, Succeeds());
    ASSERT_THAT((*writer)->write(as_bytes("hello")), Succeeds());

    const auto size_bytes = this->blobs().size_of(digest_of("hello"));
    const auto opened = this->blobs().open(digest_of("hello"));

    EXPECT_EQ(*size_bytes, std::nullopt);
    EXPECT_THAT(opened, FailsWith(Code::not_found));
}

TYPED_TEST_P(BlobStoreConformance, KeepsNothingOfAnUncommittedWrite) {
    const auto lease = this->lease();
    {
        auto writer = this->blobs().begin(lease);
        ASSERT_THAT((*writer)->write(as_bytes("hello")), Succeeds());
    }

    EXPECT_EQ(*this->blobs().size_of(digest_of("hello")), std::nullopt);
}

TYPED_TEST_P(BlobStoreConformance, KeepsNothingWhenTheDigestDiffers) {
    const auto lease = this->lease();
    auto writer = this->blobs().begin(lease);
    ASSERT_THAT((*writer)->write(as_bytes("hello")), Succeeds());

    const auto committed = (*writer)->commit(digest_of("other"));

    EXPECT_THAT(committed, FailsWith(Code::digest_mismatch));
    EXPECT_EQ(*this->blobs().size_of(digest_of("hello")), std::nullopt);
    EXPECT_EQ(*this->blobs().size_of(digest_of("other")), std::nullopt);
}

TYPED_TEST_P(BlobStoreConformance, TakesTheDigestOfWhoHashesAlongTheWay) {
    const auto lease = this->lease();
    auto writer = this->blobs().begin(lease, store::HashedBy::caller);
    ASSERT_THAT(writer, Succeeds());
    ASSERT_THAT((*writer)->write(as_bytes("hello")), Succeeds());

    const auto committed = (*writer)->commit(digest_of("hello"));

    ASSERT_THAT(committed, Succeeds());
    EXPECT_EQ(committed->digest, digest_of("hello"));
    EXPECT_EQ(as_text(*store::read_blob(this->blobs(), committed->digest, 5)), "hello");
}

TYPED_TEST_P(BlobStoreConformance, TakesTheSameBytesTwice) {
    const auto lease = this->lease();
    ASSERT_THAT(store::write_blob(this->blobs(), lease, as_bytes("hello")), Succeeds());

    const auto again = store::write_blob(this->blobs(), lease, as_bytes("hello"));

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(as_text(*store::read_blob(this->blobs(), *again, 100)), "hello");
}

TYPED_TEST_P(BlobStoreConformance, HoldsTheEmptyBlob) {
    const auto lease = this->lease();

    const auto digest = store::write_blob(this->blobs(), lease, {});

    ASSERT_THAT(digest, Succeeds());
    EXPECT_EQ(*this->blobs().size_of(*digest), std::optional<std::uint64_t>(0));
}

TYPED_TEST_P(BlobStoreConformance, ReadsOutOfTheMiddle) {
    const auto lease = this->lease();
    const auto digest = store::write_blob(this->blobs(), lease, as_bytes("hello, world"));
    const auto reader = this->blobs().open(*digest);
    ASSERT_THAT(reader, Succeeds());
    Bytes middle(5);

    const auto read = reader->pread(middle, 7);
    const auto beyond = reader->pread(middle, 8);

    EXPECT_THAT(read, Succeeds());
    EXPECT_EQ(as_text(middle).size(), 5U);
    EXPECT_THAT(beyond, FailsWith(Code::corrupt));
}

TYPED_TEST_P(BlobStoreConformance, RefusesToReadMoreThanTheLimit) {
    const auto lease = this->lease();
    const auto digest = store::write_blob(this->blobs(), lease, as_bytes("hello"));

    EXPECT_THAT(store::read_blob(this->blobs(), *digest, 4), FailsWith(Code::too_large));
}

REGISTER_TYPED_TEST_SUITE_P(
    BlobStoreConformance,
    GivesBackWhatWasCommitted,
    ShowsNothingBeforeTheCommit,
    KeepsNothingOfAnUncommittedWrite,
    KeepsNothingWhenTheDigestDiffers,
    TakesTheDigestOfWhoHashesAlongTheWay,
    TakesTheSameBytesTwice,
    HoldsTheEmptyBlob,
    ReadsOutOfTheMiddle,
    RefusesToReadMoreThanTheLimit
);

}  // namespace kiln::testing
