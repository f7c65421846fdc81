#include "layers/conda/grouping.hpp"

#include "layers/layer_reader.hpp"
#include "store/hasher.hpp"
#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::BuiltEnvironment;
using ::kiln::testing::FailsWith;
using ::kiln::testing::file_of;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::SizeIs;

std::vector<GroupingItem> items(std::size_t count) {
    std::vector<GroupingItem> items;
    for (std::size_t i = 0; i < count; ++i) {
        items.push_back({.name = "package" + std::to_string(i), .size_bytes = i * 100'000});
    }
    return items;
}

/// Groups as sets of names, to compare what stays together.
std::set<std::set<std::string>> names_in(
    const std::vector<std::vector<std::size_t>>& groups, const std::vector<GroupingItem>& of
) {
    std::set<std::set<std::string>> names;
    for (const auto& group : groups) {
        std::set<std::string> each;
        for (const std::size_t index : group) {
            each.insert(of[index].name);
        }
        names.insert(each);
    }
    return names;
}

TEST(Grouping, SmallPackagesMayShareALayerHoweverFewTheyAre) {
    const std::vector<GroupingItem> few{{"a", 1}, {"b", 1}, {"c", 1}};
    // By their hashes: a and b come together, c does not.
    EXPECT_EQ(
        names_in(group_packages(few, 116), few),
        (std::set<std::set<std::string>>{{"a", "b"}, {"c"}})
    );
}

TEST(Grouping, BigPackagesStayAlone) {
    auto all = items(200);
    all[17].size_bytes = 1'000'000'000;
    const auto names = names_in(group_packages(all, 20), all);
    EXPECT_TRUE(names.contains({"package17"}));
}

TEST(Grouping, WhatNearlyEveryEnvironmentHasStaysAlone) {
    auto all = items(300);
    all[3].name = "zlib";
    all[4].name = "ca-certificates";
    const auto names = names_in(group_packages(all, 116), all);
    EXPECT_TRUE(names.contains({"zlib"}));
    EXPECT_TRUE(names.contains({"ca-certificates"}));
}

/// Small packages, and big ones for which there is room.
std::vector<GroupingItem> arbitrary_items() {
    const auto small = *rc::gen::inRange<std::size_t>(1, 300);
    const auto big = *rc::gen::inRange<std::size_t>(0, 40);
    std::vector<GroupingItem> all;
    for (std::size_t i = 0; i < small; ++i) {
        all.push_back({"s" + std::to_string(i), *rc::gen::inRange<std::uint64_t>(0, 4'000'000)});
    }
    for (std::size_t i = 0; i < big; ++i) {
        all.push_back(
            {"b" + std::to_string(i), *rc::gen::inRange<std::uint64_t>(5'000'000, 9'000'000'000)}
        );
    }
    return all;
}

/// The groups without one package, as sets of names.
std::set<std::set<std::string>> names_without(
    const std::set<std::set<std::string>>& groups, const std::string& name
) {
    std::set<std::set<std::string>> left;
    for (std::set<std::string> group : groups) {
        group.erase(name);
        if (!group.empty()) {
            left.insert(std::move(group));
        }
    }
    return left;
}

RC_GTEST_PROP(Grouping, EveryPackageIsInExactlyOneLayerWithinTheLimit, ()) {
    const auto count = *rc::gen::inRange<std::size_t>(0, 400);
    const auto most = *rc::gen::inRange<std::size_t>(1, 130);
    const auto groups = group_packages(items(count), most);
    RC_ASSERT(groups.size() <= most);
    std::set<std::size_t> seen;
    for (const auto& group : groups) {
        RC_ASSERT(!group.empty());
        for (const std::size_t index : group) {
            RC_ASSERT(seen.insert(index).second);
        }
    }
    RC_ASSERT(seen.size() == count);
}

RC_GTEST_PROP(Grouping, APackageMoreOrLessTouchesItsOwnLayerOnly, ()) {
    const std::vector<GroupingItem> before = arbitrary_items();
    std::vector<GroupingItem> after = before;
    const GroupingItem newcomer{"newcomer", *rc::gen::inRange<std::uint64_t>(0, 100'000'000)};
    after.insert(
        after.begin()
            + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(before.size())),
        newcomer
    );

    const auto was = names_in(group_packages(before, 116), before);
    const auto is = names_in(group_packages(after, 116), after);

    // Read forwards it is an addition, backwards a removal.
    RC_ASSERT(names_without(is, "newcomer") == was);
}

RC_GTEST_PROP(Grouping, AChangedPackageTouchesTheLayersItWasAndIsIn, ()) {
    const std::vector<GroupingItem> before = arbitrary_items();
    std::vector<GroupingItem> after = before;
    GroupingItem& changed = after[*rc::gen::inRange<std::size_t>(0, after.size())];
    changed.size_bytes = *rc::gen::inRange<std::uint64_t>(0, 100'000'000);

    const auto was = names_in(group_packages(before, 116), before);
    const auto is = names_in(group_packages(after, 116), after);

    RC_ASSERT(names_without(is, changed.name) == names_without(was, changed.name));
}

RC_GTEST_PROP(Grouping, TheOrderOfPackagesAndAFewLayersMoreChangeNothing, ()) {
    const std::vector<GroupingItem> one = arbitrary_items();
    std::vector<GroupingItem> other = one;
    std::reverse(other.begin(), other.end());
    const auto most = *rc::gen::inRange<std::size_t>(80, 128);

    RC_ASSERT(
        names_in(group_packages(one, 116), one) == names_in(group_packages(other, most), other)
    );
}

BuiltEnvironment grouped_environment(Compression compression) {
    std::vector<OpenPackage> packages;
    for (const std::string name : {"one", "two", "three"}) {
        const PackageMaker maker =
            PackageMaker(name)
                .file("bin/" + name, std::string(name == "two" ? 5'000'000 : 1000, name[0]))
                .file("share/" + name + "/x", name);
        auto package = open_package(file_of(maker.conda()), name + ".conda");
        EXPECT_THAT(package, Succeeds());
        packages.push_back(std::move(*package));
    }
    auto built = build_environment(std::move(packages), "/opt/env", compression);
    EXPECT_THAT(built, Succeeds());
    return std::move(*built);
}

class Buckets : public ::testing::TestWithParam<Compression> {};

TEST_P(Buckets, AreTheMembersOneAfterTheOther) {
    const BuiltEnvironment built = grouped_environment(GetParam());
    std::vector<Fd> fds;
    std::vector<BucketMember> members;
    std::uint64_t tar_bytes = 1024;
    for (const auto& layer : built.layers) {
        fds.push_back(file_of(as_text(layer.blob)));
        members.push_back({fds.back().get(), layer.built.layer, layer.table});
        tar_bytes += layer.built.layer.tar_bytes - 1024;
    }
    MemorySink blob(1U << 30U);

    const auto made = concatenate(members, std::nullopt, blob, {});

    ASSERT_THAT(made, Succeeds());
    const BuiltLayer* const bucket = &made->built;
    EXPECT_EQ(bucket->layer.tar_bytes, tar_bytes);
    EXPECT_EQ(bucket->layer.dress.size_bytes, blob.bytes().size());
    EXPECT_EQ(bucket->layer.dress.digest, digest_of(blob.bytes()));
    const Fd fd = file_of(as_text(blob.bytes()));
    auto tar = open_layer_tar(fd.get(), bucket->layer.dress);
    ASSERT_THAT(tar, Succeeds());
    const auto bytes = read_all(**tar, 1U << 30U, "the bucket");
    ASSERT_THAT(bytes, Succeeds());
    EXPECT_EQ(digest_of(*bytes), bucket->layer.diff_id);
    // The table finds every content in the tar, and any range is read out of the middle.
    const auto table = TableOfContents::open(bucket->table);
    ASSERT_THAT(table, Succeeds());
    for (const std::string name : {"one", "two", "three"}) {
        const auto index = (*table)->find("opt/env/share/" + name + "/x");
        ASSERT_TRUE(index.has_value());
        const TableRow row = (*table)->row(*index);
        EXPECT_EQ(as_text(ByteSpan(*bytes).subspan(row.content_offset, name.size())), name);
        auto range =
            open_layer_range(fd.get(), bucket->layer.dress, row.content_offset, name.size());
        ASSERT_THAT(range, Succeeds());
        const auto read = read_all(**range, 100, name);
        ASSERT_THAT(read, Succeeds());
        EXPECT_EQ(as_text(*read), name);
    }
    EXPECT_TRUE((*table)->find("opt/env/share").has_value());
}

TEST_P(Buckets, AreTheSameWhereTheHashOfTheirBeginningIsTakenUp) {
    const BuiltEnvironment built = grouped_environment(GetParam());
    std::vector<Fd> fds;
    std::vector<BucketMember> members;
    for (const auto& layer : built.layers) {
        fds.push_back(file_of(as_text(layer.blob)));
        members.push_back({fds.back().get(), layer.built.layer, layer.table});
    }
    std::sort(members.begin(), members.end(), [](const BucketMember& a, const BucketMember& b) {
        return a.layer.tar_bytes > b.layer.tar_bytes;
    });
    MemorySink first(1U << 30U);
    MemorySink second(1U << 30U);

    const auto anew = concatenate(members, std::nullopt, first, {});
    ASSERT_THAT(anew, Succeeds());
    ASSERT_THAT(anew->points, SizeIs(1));  // after the one of 5 MB
    const auto again = concatenate(members, anew->points.front(), second, {});

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->built.layer.diff_id, anew->built.layer.diff_id);
    EXPECT_EQ(again->built.layer.dress.digest, anew->built.layer.dress.digest);
    EXPECT_EQ(again->built.layer.tar_bytes, anew->built.layer.tar_bytes);
    EXPECT_TRUE(std::ranges::equal(first.bytes(), second.bytes()));
}

TEST_P(Buckets, AMemberWithoutItsOwnTrailerIsRefused) {
    const BuiltEnvironment built = grouped_environment(GetParam());
    const Fd fd = file_of(as_text(built.layers[0].blob));
    BucketMember member{fd.get(), built.layers[0].built.layer, built.layers[0].table};
    member.layer.dress.frames.frames.clear();
    member.layer.tar_bytes += 512;
    MemorySink blob(1U << 30U);
    EXPECT_THAT(concatenate({member}, std::nullopt, blob, {}), FailsWith(Code::corrupt));
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryCompression,
    Buckets,
    ::testing::Values(Compression::none, Compression::gzip, Compression::zstd),
    [](const auto& instance) { return std::string(compression_name(instance.param)); }
);

}  // namespace
}  // namespace kiln::conda
