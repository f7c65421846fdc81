#include "daemon/build/known_packages.hpp"

#include "store/hasher.hpp"

#include <gtest/gtest.h>

namespace kiln::daemon {
namespace {

KnownPackages::Metadata with_paths(std::size_t count) {
    conda::PackageMetadata metadata;
    metadata.paths = conda::ManifestPaths(std::vector<conda::ManifestPath>(count));
    return std::make_shared<const conda::PackageMetadata>(std::move(metadata));
}

TEST(KnownPackages, GiveBackWhatWasRead) {
    KnownPackages known;
    const auto numpy = with_paths(3);

    known.remember(digest_of("numpy"), numpy);

    EXPECT_EQ(known.find(digest_of("numpy")), numpy);
    EXPECT_EQ(known.find(digest_of("scipy")), nullptr);
}

TEST(KnownPackages, ForgetBeyondABoundOfPathsWhatWasNotUsedTheLongest) {
    KnownPackages known;
    known.remember(digest_of("first"), with_paths(50'000));
    known.remember(digest_of("second"), with_paths(50'000));
    EXPECT_NE(known.find(digest_of("first")), nullptr);

    known.remember(digest_of("third"), with_paths(1));

    EXPECT_NE(known.find(digest_of("first")), nullptr);
    EXPECT_EQ(known.find(digest_of("second")), nullptr);
    EXPECT_NE(known.find(digest_of("third")), nullptr);
}

TEST(KnownPackages, KeepNothingThatAloneIsTooMuch) {
    KnownPackages known;

    known.remember(digest_of("huge"), with_paths(100'001));

    EXPECT_EQ(known.find(digest_of("huge")), nullptr);
}

}  // namespace
}  // namespace kiln::daemon
