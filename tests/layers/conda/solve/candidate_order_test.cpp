#include "layers/conda/solve/candidate_order.hpp"

#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

/// Rule 2: which candidate of a requirement is tried first.
namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using testing::MemoryRecords;
using testing::record;
using testing::request;

/// "version-build" of what matches, in the order of trying.
std::vector<std::string> order_of(
    std::string_view spec, MemoryRecords& source, const Request& asked = request({})
) {
    SpecTable table;
    CandidatePool pool(asked, {}, table, source);
    CandidateOrder order(pool);
    std::vector<std::string> builds;
    const std::vector<CandidateId> sorted = *order.sorted(table.depends(spec)->specs.back());
    for (const CandidateId id : sorted) {
        const PackageRecord& known = *pool.candidate(id).record;
        builds.push_back(known.version.text() + "-" + known.build);
    }
    return builds;
}

PackageRecord tracked(std::string_view dist) {
    PackageRecord made = record(dist);
    made.track_features = {"debug"};
    return made;
}

PackageRecord dated(std::string_view dist, std::int64_t timestamp_ms) {
    PackageRecord made = record(dist);
    made.timestamp_ms = timestamp_ms;
    return made;
}

TEST(CandidateOrder, TriesTheHighestVersionThenTheHighestBuildNumber) {
    MemoryRecords source;
    source.add(record("a 1.9 0")).add(record("a 1.10 0")).add(record("a 1.10 h_2"));

    EXPECT_THAT(order_of("a", source), ElementsAre("1.10-h_2", "1.10-0", "1.9-0"));
}

TEST(CandidateOrder, TriesWhatTracksAFeatureLast) {
    MemoryRecords source;
    source.add(tracked("a 9 0")).add(record("a 1 0"));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-0", "9-0"));
}

TEST(CandidateOrder, PutsTheEarlierChannelBeforeTheVersionOnlyWhenPriorityIsFlexible) {
    MemoryRecords source;
    source.add(record("a 1 0"), 0).add(record("a 2 0"), 1);
    Request flexible = request({});
    flexible.priority = ChannelPriority::flexible;
    Request none = request({});
    none.priority = ChannelPriority::none;

    EXPECT_THAT(order_of("a", source, flexible), ElementsAre("1-0", "2-0"));
    EXPECT_THAT(order_of("a", source, none), ElementsAre("2-0", "1-0"));
}

TEST(CandidateOrder, AmongEqualsTriesFirstWhatReachesTheHighestSharedDependency) {
    MemoryRecords source;
    source.add(record("python 3.8 0")).add(record("python 3.9 0"));
    source.add(record("a 1 py38_0", {"python 3.8.*"})).add(record("a 1 py39_0", {"python 3.9.*"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-py39_0", "1-py38_0"));
}

TEST(CandidateOrder, ComparesSharedDependenciesInTheOrderOfTheirNames) {
    MemoryRecords source;
    source.add(record("x 1 0")).add(record("x 2 0")).add(record("y 1 0")).add(record("y 2 0"));
    source.add(record("a 1 p_0", {"y 2", "x 1"})).add(record("a 1 q_0", {"y 1", "x 2"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-q_0", "1-p_0"));
}

TEST(CandidateOrder, IgnoresDependenciesThatNotAllOfTheEqualsHave) {
    MemoryRecords source;
    source.add(record("x 1 0")).add(record("x 2 0"));
    source.add(record("a 1 p_0", {"x 1"})).add(record("a 1 q_0", {"x 2"})).add(record("a 1 r_0"));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-p_0", "1-q_0", "1-r_0"));
}

TEST(CandidateOrder, SortsEachRequirementByItself) {
    // Of all three, only "x" is shared and equal; of the two that this spec allows, "y" is shared.
    MemoryRecords source;
    source.add(record("x 1 0")).add(record("y 1 0")).add(record("y 2 0"));
    source.add(record("a 1 p_0", {"x 1", "y 1"})).add(record("a 1 pq_0", {"x 1", "y 2"}));
    source.add(record("a 1 z_0", {"x 1"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-p_0", "1-pq_0", "1-z_0"));
    EXPECT_THAT(order_of("a * p*", source), ElementsAre("1-pq_0", "1-p_0"));
}

TEST(CandidateOrder, PrefersADependencyThatMatchesSomethingAndOneThatTracksNothing) {
    MemoryRecords source;
    source.add(record("x 1 0")).add(tracked("x 2 0"));
    source.add(record("a 1 p_0", {"x >=3"})).add(record("a 1 q_0", {"x 2"}));
    source.add(record("a 1 r_0", {"x 1"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-r_0", "1-q_0", "1-p_0"));
}

TEST(CandidateOrder, CountsTheBestOfADependencyThatIsListedTwice) {
    MemoryRecords source;
    source.add(record("x 1 0")).add(record("x 2 0")).add(record("x 3 0"));
    source.add(record("a 1 p_0", {"x 2"})).add(record("a 1 q_0", {"x 1", "x 3"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-q_0", "1-p_0"));
}

TEST(CandidateOrder, AmongEqualsTriesTheYoungestFirstAndTheUndatedLast) {
    MemoryRecords source;
    source.add(record("a 1 p_0")).add(dated("a 1 q_0", 5)).add(dated("a 1 r_0", 7));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-r_0", "1-q_0", "1-p_0"));
}

TEST(CandidateOrder, CountsExcludedRecordsOfADependencyToo) {
    MemoryRecords source;
    source.add(record("x 1 0"), 0).add(record("x 2 0"), 1);
    source.add(record("a 1 p_0", {"x 1"})).add(record("a 1 q_0", {"x 2"}));

    EXPECT_THAT(order_of("a", source), ElementsAre("1-q_0", "1-p_0"));
}

TEST(CandidateOrder, TriesWhatALockHasBeforeAll) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0")).add(record("a 3 0"));
    Request locked = request({});
    locked.favored = {record("a 1 0")};

    EXPECT_THAT(order_of("a", source, locked), ElementsAre("1-0", "3-0", "2-0"));
    EXPECT_THAT(order_of("a >1", source, locked), ElementsAre("3-0", "2-0"));
}

}  // namespace
}  // namespace kiln::conda
