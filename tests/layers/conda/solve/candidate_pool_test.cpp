#include "layers/conda/solve/candidate_pool.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

/// Rule 1: which records of a name are there, and in which order.
namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::MemoryRecords;
using testing::record;
using testing::request;

PackageRecord named(std::string_view dist, std::string file_name) {
    PackageRecord made = record(dist);
    made.file_name = std::move(file_name);
    return made;
}

/// File names of all records of "a", an excluded one in parentheses.
std::vector<std::string> loaded(const Request& request, RecordSource& source) {
    SpecTable table;
    std::vector<RootSpec> roots;
    for (const RequestedSpec& requested : request.specs) {
        roots.push_back({&requested, *table.add(requested.spec, requested.as_written)});
    }
    CandidatePool pool(request, roots, table, source);
    std::vector<std::string> files;
    const auto all = pool.all(table.name("a"));
    for (const CandidateId id : *all) {
        const Candidate& candidate = pool.candidate(id);
        const std::string& file = candidate.record->file_name;
        files.push_back(candidate.exclusion == Exclusion::none ? file : "(" + file + ")");
    }
    return files;
}

TEST(CandidatePool, LoadsByChannelThenSubdirThenFileName) {
    MemoryRecords source;
    source.add(record("a 3 0"), 1, 0).add(record("a 1 0"), 0, 1).add(record("a 2 1"), 0, 0);
    source.add(record("a 2 0"), 0, 0);
    Request any = request({});
    any.priority = ChannelPriority::none;

    EXPECT_THAT(
        loaded(any, source), ElementsAre("a-2-0.conda", "a-2-1.conda", "a-1-0.conda", "a-3-0.conda")
    );
}

TEST(CandidatePool, PutsACondaInThePlaceOfItsTarBz2) {
    MemoryRecords source;
    source.add(named("a 1 0", "a-1-0.tar.bz2")).add(named("a 1 0", "a-1-0.conda"));
    source.add(named("a 2 0", "a-2-0.tar.bz2"));

    EXPECT_THAT(loaded(request({}), source), ElementsAre("a-1-0.conda", "a-2-0.tar.bz2"));
}

TEST(CandidatePool, KeepsOfANameTheUserAskedForWhatOneOfTheSpecsAllows) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0")).add(record("a 3 0"));

    EXPECT_THAT(
        loaded(request({"a=1", "a>=3"}), source), ElementsAre("a-1-0.conda", "a-3-0.conda")
    );
    EXPECT_THAT(
        loaded(request({"b=1"}), source), ElementsAre("a-1-0.conda", "a-2-0.conda", "a-3-0.conda")
    );
}

TEST(CandidatePool, KeepsEverythingOfANameAskedForOnlyConditionally) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0"));

    EXPECT_THAT(
        loaded(request({"a>=2[when=\"b>=1\"]"}), source), ElementsAre("a-1-0.conda", "a-2-0.conda")
    );
}

TEST(CandidatePool, CountsByStrictPriorityTheFirstChannelThatHasSomethingLeft) {
    MemoryRecords source;
    source.add(record("a 1 0"), 0).add(record("a 2 0"), 1).add(record("a 3 0"), 2);

    EXPECT_THAT(
        loaded(request({}), source), ElementsAre("a-1-0.conda", "(a-2-0.conda)", "(a-3-0.conda)")
    );
    EXPECT_THAT(loaded(request({"a>1"}), source), ElementsAre("a-2-0.conda", "(a-3-0.conda)"));
}

TEST(CandidatePool, DoesNotCountWhatIsTooNew) {
    MemoryRecords source;
    PackageRecord dated = record("a 2 0");
    dated.timestamp_ms = 2000;
    source.add(record("a 1 0")).add(dated);
    Request before = request({});
    before.not_after_ms = 1999;

    EXPECT_THAT(loaded(before, source), ElementsAre("a-1-0.conda", "(a-2-0.conda)"));
}

TEST(CandidatePool, FallsBackToTheOldArchiveWhereTheNewOneIsTooNew) {
    MemoryRecords source;
    PackageRecord repacked = named("a 1 0", "a-1-0.conda");
    repacked.timestamp_ms = 2000;
    source.add(repacked).add(named("a 1 0", "a-1-0.tar.bz2"));
    Request before = request({});
    before.not_after_ms = 1999;

    EXPECT_THAT(loaded(before, source), ElementsAre("a-1-0.tar.bz2"));
}

TEST(CandidatePool, TakesTheTargetsVirtualPackageBeforeARecordOfThatName) {
    MemoryRecords source;
    source.add(record("a 1 0"));
    Request with_target = request({});
    with_target.virtual_packages = {testing::virtual_package("a", "7")};

    EXPECT_THAT(loaded(with_target, source), ElementsAre(""));
}

TEST(CandidatePool, AddsWhatALockHasAndTheChannelsHaveNoMore) {
    MemoryRecords source;
    source.add(record("a 2 0"));
    Request locked = request({});
    locked.favored = {record("a 1 0")};

    EXPECT_THAT(loaded(locked, source), ElementsAre("a-2-0.conda", "a-1-0.conda"));
}

TEST(CandidatePool, RefusesMoreRecordsThanAllowed) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0"));
    Request bounded = request({});
    bounded.limits.candidates = 1;
    SpecTable table;
    CandidatePool pool(bounded, {}, table, source);

    EXPECT_THAT(pool.all(table.name("a")), FailsWith(Code::too_large));
}

TEST(CandidatePool, KnowsARecordWhoseDependencyCannotBeReadAsUnusable) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b >=1", "b >>> 1"})).add(record("a 2 0", {"b >=1\r"}));
    const Request any = request({});
    SpecTable table;
    CandidatePool pool(any, {}, table, source);
    const auto all = *pool.all(table.name("a"));

    ASSERT_NE(pool.dependencies(all[0]).unusable, nullptr);
    EXPECT_THAT(*pool.dependencies(all[0]).unusable, ::testing::HasSubstr("b >>> 1"));
    EXPECT_EQ(pool.dependencies(all[1]).unusable, nullptr);
    EXPECT_EQ(pool.dependencies(all[1]).requirements.size(), 1U);
}

TEST(CandidatePool, MatchesByVersionBuildAndOtherFields) {
    MemoryRecords source;
    source.add(record("a 1 x_0")).add(record("a 1 y_1")).add(record("a 2 x_0"));
    const Request any = request({});
    SpecTable table;
    CandidatePool pool(any, {}, table, source);
    const auto count = [&](std::string_view text) {
        return pool.matching(table.depends(text)->specs.back())->size();
    };

    EXPECT_EQ(count("a"), 3U);
    EXPECT_EQ(count("a 1"), 2U);
    EXPECT_EQ(count("a * x_*"), 2U);
    EXPECT_EQ(count("a[build_number=1]"), 1U);
    EXPECT_EQ(count("a >2"), 0U);
}

}  // namespace
}  // namespace kiln::conda
