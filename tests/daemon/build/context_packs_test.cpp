#include "daemon/build/context_packs.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

std::vector<ContextContent> contents_of(std::size_t count) {
    std::vector<ContextContent> contents;
    for (std::size_t i = 0; i < count; ++i) {
        contents.push_back({digest_of("content " + std::to_string(i)), i});
    }
    return contents;
}

std::size_t count_of(const std::vector<std::vector<ContextContent>>& groups) {
    std::size_t count = 0;
    for (const auto& group : groups) {
        count += group.size();
    }
    return count;
}

TEST(ContextPacks, OfAFewContentsAreOneEach) {
    const auto groups = group_contents(contents_of(k_context_packs));

    EXPECT_EQ(groups.size(), k_context_packs);
    EXPECT_TRUE(group_contents({}).empty());
}

TEST(ContextPacks, OfManyContentsAreAsManyAsAManifestHolds) {
    const auto groups = group_contents(contents_of(20'000));

    EXPECT_LE(groups.size(), k_context_packs);
    EXPECT_GE(groups.size(), k_context_packs / 4);
    EXPECT_EQ(count_of(groups), 20'000U);
}

RC_GTEST_PROP(ContextPacks, DoNotDependOnOrderOrRepeats, (std::uint32_t seed)) {
    std::vector<ContextContent> contents = contents_of(*rc::gen::inRange<std::size_t>(0, 300));
    const auto groups = group_contents(contents);
    contents.insert(contents.end(), contents.begin(), contents.end());
    std::rotate(
        contents.begin(),
        contents.begin()
            + static_cast<std::ptrdiff_t>(contents.empty() ? 0 : seed % contents.size()),
        contents.end()
    );

    RC_ASSERT(group_contents(contents) == groups);
}

/// 700 contents lie well within one number of marked bits.
RC_GTEST_PROP(ContextPacks, StayAsTheyAreButForTheOneThatChanged, ()) {
    std::vector<ContextContent> contents = contents_of(700);
    const auto before = group_contents(contents);
    const auto changed = *rc::gen::inRange<std::size_t>(0, contents.size());
    contents[changed].digest = digest_of("another " + std::to_string(*rc::gen::arbitrary<int>()));

    const auto after = group_contents(contents);

    const std::set<std::vector<Digest>> known = [&] {
        std::set<std::vector<Digest>> packs;
        for (const auto& group : before) {
            std::vector<Digest> digests;
            for (const ContextContent& content : group) {
                digests.push_back(content.digest);
            }
            packs.insert(std::move(digests));
        }
        return packs;
    }();
    std::size_t fresh = 0;
    for (const auto& group : after) {
        std::vector<Digest> digests;
        for (const ContextContent& content : group) {
            digests.push_back(content.digest);
        }
        fresh += known.contains(digests) ? 0U : 1U;
    }
    RC_ASSERT(fresh <= 3U);
}

}  // namespace
}  // namespace kiln::daemon
