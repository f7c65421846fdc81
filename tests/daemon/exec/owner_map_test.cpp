#include "daemon/exec/owner_map.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace kiln::testing {
namespace {

using exec::IdRange;
using exec::Lends;
using exec::map_owners;
using ::testing::ElementsAre;

const std::vector<IdRange> k_shifted{{.inside = 0, .outside = 5000, .count = 1000}};

TEST(OwnerMap, KnowsTheHostsIdOfEachOfTheSandbox) {
    const std::vector<IdRange> ranges{
        {.inside = 0, .outside = 1001, .count = 1}, {.inside = 1, .outside = 7000, .count = 10}};

    EXPECT_EQ(exec::host_id(ranges, 0), 1001U);
    EXPECT_EQ(exec::host_id(ranges, 10), 7009U);
    EXPECT_EQ(exec::host_id(ranges, 11), std::nullopt);
}

TEST(OwnerMap, ShowsOnlyTheLendersOwnFilesAsTheCommandsUser) {
    const auto map = map_owners(k_shifted, 1001, 33, Lends::own_files);

    ASSERT_THAT(map, Succeeds());
    EXPECT_THAT(*map, ElementsAre(IdRange{.inside = 1001, .outside = 5033, .count = 1}));
    EXPECT_EQ(exec::render_map(*map), "1001 5033 1\n");
}

TEST(OwnerMap, ShowsAllOwnersToRoot) {
    const auto map = map_owners(k_shifted, 0, 0, Lends::all_files);

    ASSERT_THAT(map, Succeeds());
    EXPECT_THAT(*map, ElementsAre(IdRange{.inside = 0, .outside = 5000, .count = 1000}));
}

TEST(OwnerMap, SwapsRootWithTheCommandsUser) {
    const auto map = map_owners(k_shifted, 0, 33, Lends::all_files);

    ASSERT_THAT(map, Succeeds());
    EXPECT_EQ(exec::render_map(*map), "0 5033 1\n1 5001 32\n33 5000 1\n34 5034 966\n");
}

TEST(OwnerMap, RefusesAUserWhomTheSandboxLacks) {
    EXPECT_THAT(
        map_owners(k_shifted, 0, 1000, Lends::all_files),
        FailsSaying(Code::invalid_input, "user 1000 does not exist in the sandbox")
    );
}

RC_GTEST_PROP(OwnerMap, GivesEveryOwnerOnePlaceAndTheLenderTheCommands, ()) {
    const auto count = *rc::gen::inRange<std::uint32_t>(1, 200);
    const auto lender = *rc::gen::inRange<std::uint32_t>(0, count);
    const auto command = *rc::gen::inRange<std::uint32_t>(0, count);
    const std::vector<IdRange> sandbox{{.inside = 0, .outside = 1U << 30U, .count = count}};

    const auto map = map_owners(sandbox, lender, command, Lends::all_files);

    RC_ASSERT(map.has_value());
    std::set<std::uint32_t> seen;
    for (std::uint32_t id = 0; id < count; ++id) {
        const auto as = exec::host_id(*map, id);
        RC_ASSERT(as.has_value());
        seen.insert(*as);
    }
    RC_ASSERT(seen.size() == count);
    RC_ASSERT(exec::host_id(*map, lender) == exec::host_id(sandbox, command));
}

}  // namespace
}  // namespace kiln::testing
