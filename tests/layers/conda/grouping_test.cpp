#include "layers/conda/grouping.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace kiln::conda {
namespace {

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
        all.push_back({"s" + std::to_string(i), *rc::gen::inRange<std::uint64_t>(0, 1'000'000)});
    }
    for (std::size_t i = 0; i < big; ++i) {
        all.push_back(
            {"b" + std::to_string(i), *rc::gen::inRange<std::uint64_t>(1'100'000, 9'000'000'000)}
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

}  // namespace
}  // namespace kiln::conda
