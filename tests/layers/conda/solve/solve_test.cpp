#include "layers/conda/solve/solve.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using testing::dists;
using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryRecords;
using testing::record;
using testing::request;
using testing::requested;
using testing::solve;
using testing::Succeeds;
using testing::virtual_package;

PackageRecord constraining(std::string_view dist, std::vector<std::string> constrains) {
    PackageRecord made = record(dist);
    made.constrains = std::move(constrains);
    return made;
}

TEST(Solve, InstallsNothingForNothing) {
    MemoryRecords source;

    EXPECT_THAT(dists(solve(request({}), source)), IsEmpty());
}

TEST(Solve, InstallsTheNewestAndWhatItDependsOnDependenciesFirst) {
    MemoryRecords source;
    source.add(record("app 1 0", {"zlib"})).add(record("app 2 0", {"zlib >=2", "libc"}));
    source.add(record("zlib 1 0")).add(record("zlib 2 0", {"libc"})).add(record("libc 1 0"));
    source.add(record("unrelated 1 0"));

    EXPECT_THAT(
        dists(solve(request({"app"}), source)), ElementsAre("libc-1-0", "zlib-2-0", "app-2-0")
    );
}

TEST(Solve, OrdersByNameWhatDoesNotDependOnEachOther) {
    MemoryRecords source;
    source.add(record("c 1 0")).add(record("a 1 0")).add(record("b 1 0"));

    EXPECT_THAT(
        dists(solve(request({"c", "b", "a"}), source)), ElementsAre("a-1-0", "b-1-0", "c-1-0")
    );
}

TEST(Solve, LinksPythonBeforeNoarchPythonPackagesThatDoNotNameIt) {
    MemoryRecords source;
    PackageRecord pure = record("a 1 0");
    pure.noarch = Noarch::python;
    source.add(pure).add(record("python 3.9 0"));

    EXPECT_THAT(
        dists(solve(request({"a", "python"}), source)), ElementsAre("python-3.9-0", "a-1-0")
    );
}

TEST(Solve, InstallsPackagesThatDependOnEachOther) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b"})).add(record("b 1 0", {"a"}));

    EXPECT_THAT(dists(solve(request({"b"}), source)), ElementsAre("a-1-0", "b-1-0"));
}

TEST(Solve, TakesAnOlderVersionWhereTheNewestDoesNotFit) {
    MemoryRecords source;
    source.add(record("numpy 1 0", {"python <3"})).add(record("numpy 2 0", {"python >=3"}));
    source.add(record("python 2.7 0")).add(record("python 3.9 0"));

    EXPECT_THAT(
        dists(solve(request({"numpy", "python=2.7"}), source)),
        ElementsAre("python-2.7-0", "numpy-1-0")
    );
}

TEST(Solve, GivesTheFirstOfTheUsersSpecsItsNewestVersion) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0", {"b 1"}));
    source.add(record("b 1 0")).add(record("b 2 0", {"a 1"}));

    EXPECT_THAT(dists(solve(request({"a", "b"}), source)), ElementsAre("b-1-0", "a-2-0"));
    EXPECT_THAT(dists(solve(request({"b", "a"}), source)), ElementsAre("a-1-0", "b-2-0"));
}

TEST(Solve, MeetsAllSpecsOfOneName) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0")).add(record("a 3 0"));

    EXPECT_THAT(dists(solve(request({"a>1", "a<3"}), source)), ElementsAre("a-2-0"));
}

TEST(Solve, LeavesOutRecordsWhoseDependenciesNobodyHas) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0", {"not-there"}));

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("a-1-0"));
}

TEST(Solve, LeavesOutRecordsThatCannotBeRead) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0", {"b >>> 1"}));

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("a-1-0"));
}

TEST(Solve, TrimsCarriageReturnsOfDependencies) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b >=2\r"})).add(record("b 2 0"));

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("b-2-0", "a-1-0"));
}

TEST(Solve, HoldsConstraintsOfWhatIsInstalledWithoutInstallingWhatTheyName) {
    MemoryRecords source;
    source.add(constraining("a 1 0", {"b <2"})).add(record("b 1 0")).add(record("b 2 0"));

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("a-1-0"));
    EXPECT_THAT(dists(solve(request({"a", "b"}), source)), ElementsAre("a-1-0", "b-1-0"));
}

TEST(Solve, HoldsPinsWithoutInstallingWhatTheyName) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b"})).add(record("b 1 0")).add(record("b 2 0"));
    source.add(record("c 1 0"));
    Request pinned = request({"a"});
    pinned.pins = requested({"b=1", "c=1"});

    EXPECT_THAT(dists(solve(pinned, source)), ElementsAre("b-1-0", "a-1-0"));
}

TEST(Solve, AvoidsWhatTracksAFeatureUnlessItIsAskedFor) {
    MemoryRecords source;
    PackageRecord debug = record("a 2 debug_0");
    debug.track_features = {"debug"};
    source.add(record("a 1 0")).add(debug);

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("a-1-0"));
    EXPECT_THAT(dists(solve(request({"a>1"}), source)), ElementsAre("a-2-debug_0"));
}

TEST(Solve, ChoosesForTheTargetsVirtualPackagesAndInstallsNone) {
    MemoryRecords source;
    source.add(record("a 1 0", {"__glibc >=2.17"})).add(record("a 2 0", {"__glibc >=2.34"}));
    Request old_target = request({"a"});
    old_target.virtual_packages = {virtual_package("__glibc", "2.31")};
    Request new_target = request({"a"});
    new_target.virtual_packages = {virtual_package("__glibc", "2.36")};

    EXPECT_THAT(dists(solve(old_target, source)), ElementsAre("a-1-0"));
    EXPECT_THAT(dists(solve(new_target, source)), ElementsAre("a-2-0"));
}

TEST(Solve, HoldsConstraintsOnVirtualPackages) {
    MemoryRecords source;
    source.add(constraining("cuda-version 12 0", {"__cuda >=12"}));
    Request without = request({"cuda-version"});
    Request with_old = without;
    with_old.virtual_packages = {virtual_package("__cuda", "11.4")};

    EXPECT_THAT(dists(solve(without, source)), ElementsAre("cuda-version-12-0"));
    EXPECT_THAT(dists(solve(with_old, source)), ElementsAre("conflict"));
}

TEST(Solve, TakesByStrictPriorityAPackageFromTheFirstChannelThatHasIt) {
    MemoryRecords source;
    source.add(record("a 1 0"), 0).add(record("a 2 0"), 1);
    Request strict = request({"a"});
    Request flexible = strict;
    flexible.priority = ChannelPriority::flexible;
    Request none = strict;
    none.priority = ChannelPriority::none;

    EXPECT_THAT(dists(solve(strict, source)), ElementsAre("a-1-0"));
    EXPECT_THAT(dists(solve(flexible, source)), ElementsAre("a-1-0"));
    EXPECT_THAT(dists(solve(none, source)), ElementsAre("a-2-0"));
}

TEST(Solve, TakesByFlexiblePriorityALaterChannelWhereTheFirstDoesNotFit) {
    MemoryRecords source;
    source.add(record("a 1 0"), 0).add(record("a 2 0"), 1).add(record("b 1 0", {"a >=2"}), 0);
    Request strict = request({"b"});
    Request flexible = strict;
    flexible.priority = ChannelPriority::flexible;

    EXPECT_THAT(dists(solve(strict, source)), ElementsAre("conflict"));
    EXPECT_THAT(dists(solve(flexible, source)), ElementsAre("a-2-0", "b-1-0"));
}

TEST(Solve, KeepsWhatALockHasWhereItFits) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0")).add(record("b 1 0")).add(record("b 2 0"));
    Request again = request({"a", "b>=2"});
    again.favored = {record("a 1 0"), record("b 1 0")};

    EXPECT_THAT(dists(solve(again, source)), ElementsAre("a-1-0", "b-2-0"));
}

TEST(Solve, KeepsWhatALockHasEvenIfTheChannelHasItNoMore) {
    MemoryRecords source;
    source.add(record("a 2 0"));
    Request again = request({"a"});
    again.favored = {record("a 1 0")};

    EXPECT_THAT(dists(solve(again, source)), ElementsAre("a-1-0"));
}

TEST(Solve, PrefersLinux64ToNoarchAmongEquals) {
    MemoryRecords source;
    PackageRecord pure = record("a 1 z_0");
    pure.noarch = Noarch::generic;
    source.add(pure, 0, 1).add(record("a 1 zz_0"), 0, 0);

    EXPECT_THAT(dists(solve(request({"a"}), source)), ElementsAre("a-1-zz_0"));
}

TEST(Solve, PrefersNoarchOfAHigherVersionOrBuildNumber) {
    MemoryRecords source;
    source.add(record("a 2 py_0"), 0, 1).add(record("a 1 py39_0"), 0, 0);
    source.add(record("b 1 py_1"), 0, 1).add(record("b 1 py39_0"), 0, 0);

    EXPECT_THAT(dists(solve(request({"a", "b"}), source)), ElementsAre("a-2-py_0", "b-1-py_1"));
}

TEST(Solve, AppliesAConditionalDependencyWhereItsConditionHolds) {
    MemoryRecords source;
    source.add(record("app 1 0", {"python", "tomli[when=\"python<3.11\"]"}));
    source.add(record("python 3.9 0")).add(record("python 3.12 0")).add(record("tomli 1 0"));

    EXPECT_THAT(dists(solve(request({"app"}), source)), ElementsAre("python-3.12-0", "app-1-0"));
    EXPECT_THAT(
        dists(solve(request({"app", "python=3.9"}), source)),
        ElementsAre("python-3.9-0", "tomli-1-0", "app-1-0")
    );
}

TEST(Solve, AppliesConditionsOnVirtualPackagesAndOfSeveralParts) {
    MemoryRecords source;
    const std::string when = "(__cuda>=12 or rocm) and python>=3";
    source.add(record("app 1 0", {fmt::format("gpu[when=\"{}\"]", when)})).add(record("gpu 1 0"));
    source.add(record("python 3.9 0")).add(record("rocm 1 0"));
    Request with_cuda = request({"app", "python"});
    with_cuda.virtual_packages = {virtual_package("__cuda", "12.4")};

    EXPECT_THAT(dists(solve(with_cuda, source)), ElementsAre("gpu-1-0", "app-1-0", "python-3.9-0"));
    EXPECT_THAT(
        dists(solve(request({"app", "python"}), source)), ElementsAre("app-1-0", "python-3.9-0")
    );
    EXPECT_THAT(dists(solve(request({"app", "rocm"}), source)), ElementsAre("app-1-0", "rocm-1-0"));
}

TEST(Solve, ChangesAChoiceWhoseConditionalDependencyNobodyHas) {
    MemoryRecords source;
    source.add(record("app 1 0", {"python", "not-there[when=\"python>=3.11\"]"}));
    source.add(record("python 3.9 0")).add(record("python 3.12 0"));

    EXPECT_THAT(dists(solve(request({"app"}), source)), ElementsAre("python-3.9-0", "app-1-0"));
}

TEST(Solve, AppliesAConditionalSpecOfTheUser) {
    MemoryRecords source;
    source.add(record("a 1 0")).add(record("a 2 0")).add(record("b 1 0")).add(record("c 1 0"));

    EXPECT_THAT(dists(solve(request({"a[when=\"b\"]", "c"}), source)), ElementsAre("c-1-0"));
    EXPECT_THAT(
        dists(solve(request({"a<2[when=\"b\"]", "b"}), source)), ElementsAre("a-1-0", "b-1-0")
    );
}

PackageRecord with_extra(PackageRecord made, std::string group, std::vector<std::string> depends) {
    made.extra_depends.push_back({std::move(group), std::move(depends)});
    return made;
}

TEST(Solve, InstallsTheOptionalDependenciesOfTheGroupsThatAreAskedFor) {
    MemoryRecords source;
    source.add(with_extra(record("app 1 0", {"core"}), "web", {"server >=1"}));
    source.add(record("core 1 0")).add(record("server 1 0"));

    EXPECT_THAT(dists(solve(request({"app"}), source)), ElementsAre("core-1-0", "app-1-0"));
    EXPECT_THAT(
        dists(solve(request({"app[extras=web]"}), source)),
        ElementsAre("core-1-0", "server-1-0", "app-1-0")
    );
    EXPECT_THAT(
        dists(solve(request({"app[extras=none]"}), source)), ElementsAre("core-1-0", "app-1-0")
    );
}

TEST(Solve, InstallsTheGroupsThatADependencyAsksFor) {
    MemoryRecords source;
    source.add(record("site 1 0", {"app[extras=[web]]"}));
    source.add(with_extra(record("app 1 0"), "web", {"server[when=\"python\"]"}));
    source.add(record("server 1 0")).add(record("python 3.9 0"));

    EXPECT_THAT(dists(solve(request({"site"}), source)), ElementsAre("app-1-0", "site-1-0"));
    EXPECT_THAT(
        dists(solve(request({"site", "python"}), source)),
        ElementsAre("python-3.9-0", "server-1-0", "app-1-0", "site-1-0")
    );
}

TEST(Solve, RefusesASpecThatNamesNoOnePackage) {
    MemoryRecords source;

    EXPECT_THAT(solve(request({"numpy*"}), source), FailsWith(Code::invalid_input));
}

TEST(Solve, StopsAtTheLimitOfClauses) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b"})).add(record("b 1 0", {"c"})).add(record("c 1 0"));
    Request bounded = request({"a"});
    bounded.limits.clauses = 2;

    EXPECT_THAT(solve(bounded, source), FailsSaying(Code::too_large, "more than 2 clauses"));
}

TEST(Solve, StopsWhenAsked) {
    MemoryRecords source;
    source.add(record("a 1 0"));
    std::stop_source stop;
    stop.request_stop();

    EXPECT_THAT(conda::solve(request({"a"}), source, stop.get_token()), FailsWith(Code::cancelled));
}

class BrokenSource : public MemoryRecords {
  public:
    Result<std::vector<PlacedRecord>> records(std::string_view name) override {
        if (name == "b") {
            return fail(Code::corrupt, "the shard of b is damaged");
        }
        return MemoryRecords::records(name);
    }
};

TEST(Solve, TellsWhatTheSourceSays) {
    BrokenSource source;
    source.add(record("a 1 0", {"b"}));

    EXPECT_THAT(solve(request({"a"}), source), FailsSaying(Code::corrupt, "the shard of b"));
}

class CountingSource : public MemoryRecords {
  public:
    Result<std::vector<PlacedRecord>> records(std::string_view name) override {
        asked.emplace_back(name);
        return MemoryRecords::records(name);
    }

    std::vector<std::string> asked;
};

TEST(Solve, AsksTheSourceOnceForEachNameItReachesAndForNoOther) {
    CountingSource source;
    source.add(record("a 1 0", {"b", "c"})).add(record("b 1 0", {"c"})).add(record("c 1 0"));
    source.add(record("d 1 0"));

    ASSERT_THAT(solve(request({"a"}), source), Succeeds());

    EXPECT_THAT(source.asked, ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace kiln::conda
