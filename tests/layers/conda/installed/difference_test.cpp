#include "layers/conda/installed/difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

InstalledPackage installed_package(
    std::string name, std::string version, std::string sha256 = "aa"
) {
    InstalledPackage package;
    package.name = std::move(name);
    package.version = std::move(version);
    package.build = "0";
    package.sha256 = std::move(sha256);
    return package;
}

InstalledEnvironment environment_of(
    std::vector<InstalledPackage> packages, std::string prefix = "/opt/env"
) {
    return {.prefix = std::move(prefix), .packages = std::move(packages)};
}

TEST(Difference, TellsWhatCameWentAndChanged) {
    auto rebuilt = installed_package("b", "1");
    rebuilt.build = "1";
    const auto before = environment_of(
        {installed_package("a", "1"),
         installed_package("b", "1"),
         installed_package("c", "1"),
         installed_package("d", "1"),
         installed_package("e", "1")}
    );
    const auto after = environment_of(
        {installed_package("a", "2"),
         rebuilt,
         installed_package("c", "1", "bb"),
         installed_package("e", "1"),
         installed_package("f", "1")}
    );

    const EnvironmentDifference difference = compare(before, after);

    std::vector<std::pair<std::string, PackageChangeKind>> changes;
    for (const PackageChange& change : difference.changes) {
        changes.emplace_back(change.name(), change.kind);
    }
    EXPECT_THAT(
        changes,
        ::testing::ElementsAre(
            std::pair("a", PackageChangeKind::upgraded),
            std::pair("b", PackageChangeKind::build),
            std::pair("c", PackageChangeKind::content),
            std::pair("d", PackageChangeKind::removed),
            std::pair("f", PackageChangeKind::added)
        )
    );
    EXPECT_EQ(difference.unchanged, 1U);
    EXPECT_EQ(difference.changes[0].before->version, "1");
    EXPECT_EQ(difference.changes[0].after->version, "2");
}

TEST(Difference, VersionsAreOrderedByWhatTheyMean) {
    const auto kind_of = [](const std::string& before, const std::string& after) {
        const auto was = environment_of({installed_package("a", before)});
        const auto is = environment_of({installed_package("a", after)});
        return compare(was, is).changes.at(0).kind;
    };

    EXPECT_EQ(kind_of("1.9", "1.10"), PackageChangeKind::upgraded);
    EXPECT_EQ(kind_of("1.1", "1.1rc1"), PackageChangeKind::downgraded);
    EXPECT_EQ(kind_of("1.1", "1.1.0"), PackageChangeKind::version);
    EXPECT_EQ(kind_of("no version", "1.1"), PackageChangeKind::version);
}

TEST(Difference, EnvironmentsAreFoundByPrefixOrByBeingTheOnlyOne) {
    const auto one = environment_of({installed_package("a", "1")}, "/opt/one");
    const auto two = environment_of({installed_package("b", "1")}, "/opt/two");

    const auto only = compare(std::vector{one}, std::vector{two});
    ASSERT_EQ(only.size(), 1U);
    EXPECT_EQ(only[0].prefix_before, "/opt/one");
    EXPECT_EQ(only[0].prefix_after, "/opt/two");

    const auto several = compare(std::vector{one, two}, std::vector{two});
    ASSERT_EQ(several.size(), 2U);
    EXPECT_EQ(several[0].prefix_before, "/opt/one");
    EXPECT_EQ(several[0].prefix_after, "");
    EXPECT_EQ(several[0].changes.front().kind, PackageChangeKind::removed);
    EXPECT_TRUE(several[1].changes.empty());
}

RC_GTEST_PROP(Difference, TurnedRoundItIsTheSameTurnedRound, ()) {
    const auto arbitrary = [] {
        std::vector<InstalledPackage> packages;
        for (const char* name : {"a", "b", "c", "d"}) {
            if (*rc::gen::arbitrary<bool>()) {
                packages.push_back(installed_package(
                    name,
                    *rc::gen::element<std::string>("1", "2"),
                    *rc::gen::element<std::string>("aa", "bb")
                ));
            }
        }
        return environment_of(std::move(packages));
    };
    const auto one = arbitrary();
    const auto two = arbitrary();

    const EnvironmentDifference forth = compare(one, two);
    const EnvironmentDifference back = compare(two, one);

    RC_ASSERT(compare(one, one).changes.empty());
    RC_ASSERT(forth.changes.size() == back.changes.size());
    RC_ASSERT(forth.unchanged == back.unchanged);
    for (std::size_t i = 0; i < forth.changes.size(); ++i) {
        RC_ASSERT(forth.changes[i].before == back.changes[i].after);
        RC_ASSERT(forth.changes[i].after == back.changes[i].before);
    }
}

}  // namespace
}  // namespace kiln::conda
