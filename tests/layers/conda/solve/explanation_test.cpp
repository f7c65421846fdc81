#include "layers/conda/solve/explanation.hpp"

#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What a user reads when there is no answer; the texts lie in tests/golden/conda_solve.
namespace kiln::conda {
namespace {

using ::testing::Eq;
using testing::MemoryRecords;
using ::testing::Optional;
using testing::record;
using testing::request;
using testing::solve;
using testing::virtual_package;

/// The whole error as a golden text.
void expect_refusal(const std::string& name, const Request& asked, RecordSource& source) {
    const auto solution = solve(asked, source);
    ASSERT_FALSE(solution.has_value());
    const Error& error = solution.error();
    testing::expect_golden(
        "conda_solve/" + name + ".txt",
        fmt::format("{}: {}\nhint: {}\n", facts(error.code).name, error.message, error.hint)
    );
}

/// numpy for three pythons.
MemoryRecords python_channel() {
    MemoryRecords source;
    for (const char* version : {"3.8.1", "3.9.5", "3.10.2", "3.13.0"}) {
        source.add(record(fmt::format("python {} 0", version)));
    }
    for (const char* version : {"1.20.0", "1.20.1", "1.20.3"}) {
        source.add(record(fmt::format("numpy {} py38_0", version), {"python >=3.8,<3.9.0a0"}));
        source.add(record(fmt::format("numpy {} py39_0", version), {"python >=3.9,<3.10.0a0"}));
        source.add(record(fmt::format("numpy {} py310_0", version), {"python >=3.10,<3.11.0a0"}));
    }
    source.add(record("numpy 2.1.0 py313_0", {"python >=3.13,<3.14.0a0"}));
    return source;
}

TEST(Explanation, NamesThePackageThatNoChannelHasAndThoseLikeIt) {
    MemoryRecords source = python_channel();

    expect_refusal("no_such_package", request({"python", "numpyy>=2"}), source);
}

TEST(Explanation, ASpecificationWrittenTwiceIsGivenUpOnce) {
    MemoryRecords source = python_channel();

    const auto once = solve(request({"numpy=1.20", "python=3.13"}), source);
    const auto twice = solve(request({"numpy=1.20", "python=3.13", "numpy=1.20"}), source);

    ASSERT_FALSE(once.has_value());
    ASSERT_FALSE(twice.has_value());
    EXPECT_EQ(twice.error().hint, once.error().hint);
}

TEST(Explanation, SaysWhichVersionsThereAre) {
    MemoryRecords source = python_channel();

    expect_refusal("no_such_version", request({"numpy>=3"}), source);
}

TEST(Explanation, NamesTheTwoSpecsThatExcludeEachOtherAndWhatToTakeInstead) {
    MemoryRecords source = python_channel();
    source.add(record("other 1 0"));

    expect_refusal("two_specs", request({"other", "numpy=1.20", "python=3.13"}), source);
}

TEST(Explanation, SaysWhatTheBaseHasOfAVirtualPackage) {
    MemoryRecords source;
    source.add(record("app 1 0", {"libc-user"}));
    source.add(record("libc-user 1 0", {"__glibc >=2.34"}));
    Request old_target = request({"app"});
    old_target.virtual_packages = {virtual_package("__glibc", "2.31")};
    old_target.target = "debian:11";

    expect_refusal("old_glibc", old_target, source);
}

TEST(Explanation, SaysThatTheBaseHasNoSuchVirtualPackage) {
    MemoryRecords source;
    source.add(record("torch 1 cuda_0", {"__cuda >=12"}));

    expect_refusal("no_cuda", request({"torch"}), source);
    expect_refusal("no_cuda_asked_for", request({"__cuda>=12"}), source);
}

TEST(Explanation, FollowsDependenciesDownToTheOneThatIsMissing) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b >=1"})).add(record("b 1 0", {"c 2.*"}));
    source.add(record("b 2 0", {"d"})).add(record("c 1 0")).add(record("c 1.5 0"));

    expect_refusal("missing_far_below", request({"a"}), source);
}

TEST(Explanation, ShowsTwoDependenciesThatNeedDifferentVersionsOfAThird) {
    MemoryRecords source;
    source.add(record("web 1 0", {"ssl >=3"})).add(record("mail 1 0", {"ssl <3"}));
    source.add(record("ssl 1.1 0")).add(record("ssl 3.0 0")).add(record("ssl 3.1 0"));
    source.add(record("other 1 0"));

    expect_refusal("diamond", request({"other", "web", "mail"}), source);
}

TEST(Explanation, SaysWhichConstraintForbidsWhat) {
    MemoryRecords source;
    PackageRecord strict = record("strict 1 0");
    strict.constrains = {"lib <2"};
    source.add(strict).add(record("app 1 0", {"lib >=2"})).add(record("lib 1 0"));
    source.add(record("lib 2 0"));

    expect_refusal("constraint", request({"app", "strict"}), source);
}

TEST(Explanation, SaysWhichPinForbidsWhat) {
    MemoryRecords source = python_channel();
    Request pinned = request({"numpy=2"});
    pinned.pins = testing::requested({"python=3.9"});

    expect_refusal("pin", pinned, source);
}

TEST(Explanation, SaysThatAnEarlierChannelHasThePackage) {
    MemoryRecords source;
    source.add(record("lib 1 0"), 0);
    PackageRecord later = record("lib 2 0");
    later.channel_name = "conda-forge";
    source.add(later, 1).add(record("app 1 0", {"lib >=2"}), 1);

    expect_refusal("strict_priority", request({"app"}), source);
}

TEST(Explanation, SaysWhyARecordCannotBeRead) {
    MemoryRecords source;
    source.add(record("a 1 0", {"b >>> 1"}));

    expect_refusal("unreadable", request({"a"}), source);
}

TEST(Explanation, NamesTwoSpecsToGiveUpWhereOneIsNotEnough) {
    MemoryRecords source;
    source.add(record("a 1 0", {"x 1"})).add(record("b 1 0", {"x 2"}));
    source.add(record("c 1 0", {"y 1"})).add(record("d 1 0", {"y 2"}));
    source.add(record("x 1 0")).add(record("x 2 0")).add(record("y 1 0")).add(record("y 2 0"));

    expect_refusal("two_conflicts", request({"a", "b", "c", "d"}), source);
}

TEST(Explanation, StaysShortWhereManyRecordsFailInManyWays) {
    MemoryRecords source;
    for (int i = 1; i <= 40; ++i) {
        const std::string needs = fmt::format("lib{} >=2", i);
        source.add(record(fmt::format("a {} 0", i), {needs}));
        source.add(record(fmt::format("lib{} 1 0", i)));
    }

    expect_refusal("many_ways", request({"a"}), source);
}

TEST(Explanation, PointsAtTheFirstOfTheSpecsToBlame) {
    MemoryRecords source = python_channel();
    Request asked = request({"numpy=1.20", "python=3.13"});
    asked.specs[0].where = Span{"environment.yml", 4, 5, 15};
    asked.specs[1].where = Span{"environment.yml", 5, 5, 16};

    const auto solution = solve(asked, source);

    ASSERT_THAT(solution, testing::FailsWith(Code::conflict));
    EXPECT_THAT(solution.error().where, Optional(Eq(*asked.specs[0].where)));
}

TEST(Explanation, IsTheSameWhateverTheOrderOfRecords) {
    MemoryRecords source = python_channel();
    MemoryRecords reversed = source.reversed();
    const Request asked = request({"numpy=1.20", "python=3.13"});

    const auto one = solve(asked, source);
    const auto other = solve(asked, reversed);

    EXPECT_EQ(one.error().message, other.error().message);
    EXPECT_EQ(one.error().hint, other.error().hint);
}

}  // namespace
}  // namespace kiln::conda
