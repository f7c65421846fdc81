#include "layers/conda/environment_plan.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

EnvironmentPackage package(
    std::string name, std::vector<std::string> paths, std::vector<std::string> depends = {}
) {
    EnvironmentPackage package;
    package.file_name = name + "-1.0-0.conda";
    package.metadata.name = std::move(name);
    package.metadata.version = "1.0";
    package.metadata.build = "0";
    package.metadata.subdir = "linux-64";
    package.metadata.depends = std::move(depends);
    std::vector<ManifestPath> manifest;
    for (std::string& path : paths) {
        ManifestPath& each = manifest.emplace_back();
        if (path.ends_with('/')) {
            path.pop_back();
            each.type = PathType::directory;
        }
        each.path = std::move(path);
    }
    package.metadata.paths = ManifestPaths(std::move(manifest));
    return package;
}

Result<EnvironmentPlan> plan(std::vector<EnvironmentPackage> packages) {
    return plan_environment(std::move(packages), {.prefix = "/opt/env"});
}

TEST(EnvironmentPlan, TheLastOneLinkedKeepsAPath) {
    const auto planned =
        plan({package("a", {"bin/x", "share/a"}), package("b", {"bin/x", "share/b"}, {"a"})});

    ASSERT_THAT(planned, Succeeds());
    EXPECT_EQ(planned->packages[0].package.metadata.name, "a");
    EXPECT_THAT(planned->packages[0].layer.lost_paths, ElementsAre("bin/x"));
    EXPECT_THAT(planned->packages[1].layer.lost_paths, IsEmpty());
    EXPECT_THAT(
        planned->warnings,
        ElementsAre(
            "a-1.0-0 and b-1.0-0 both hold bin/x; what b has there is kept, as it is linked later"
        )
    );
}

TEST(EnvironmentPlan, OfUnrelatedPackagesTheFirstByNameIsLinkedLast) {
    // rattler, test_all_possible_orders_clobber: whatever the order given.
    std::vector<std::string> names = {"one", "three", "two"};
    do {
        std::vector<EnvironmentPackage> packages;
        for (const std::string& name : names) {
            packages.push_back(package(name, {"x"}));
        }
        const auto planned = plan(std::move(packages));
        ASSERT_THAT(planned, Succeeds());
        EXPECT_EQ(planned->packages.back().package.metadata.name, "one");
        EXPECT_THAT(planned->packages[2].layer.lost_paths, IsEmpty());
        EXPECT_THAT(planned->packages[1].layer.lost_paths, ElementsAre("x"));
    } while (std::next_permutation(names.begin(), names.end()));
}

TEST(EnvironmentPlan, AFileAndADirectoryOfOneNameNeverMeet) {
    // rattler's clobber-fd-rev: a file, then two packages with a directory in its place.
    const auto planned = plan(
        {package("file", {"clobber"}),
         package("e2", {"clobber/2.txt"}),
         package("e1", {"clobber/1.txt"})}
    );
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->packages[0].layer.lost_paths, ElementsAre("clobber"));
    EXPECT_THAT(planned->packages[1].layer.lost_paths, IsEmpty());
    EXPECT_THAT(planned->packages[2].layer.lost_paths, IsEmpty());

    // and the other way round
    const auto reverse = plan(
        {package("two", {"clobber/2.txt", "clobber/empty/"}),
         package("three", {"clobber/3.txt"}),
         package("file", {"clobber"})}
    );
    ASSERT_THAT(reverse, Succeeds());
    EXPECT_THAT(
        reverse->packages[0].layer.lost_paths, ElementsAre("clobber/2.txt", "clobber/empty")
    );
    EXPECT_THAT(reverse->packages[1].layer.lost_paths, ElementsAre("clobber/3.txt"));
    EXPECT_THAT(reverse->packages[2].layer.lost_paths, IsEmpty());
}

TEST(EnvironmentPlan, WhatWasTakenOnceStaysTaken) {
    // Linked one after the other: the file takes 1.txt away, the last one makes a new directory.
    const auto planned =
        plan({package("c", {"c/1.txt"}), package("b", {"c"}), package("a", {"c/2.txt"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->packages[0].layer.lost_paths, ElementsAre("c/1.txt"));
    EXPECT_THAT(planned->packages[1].layer.lost_paths, ElementsAre("c"));
    EXPECT_THAT(planned->packages[2].layer.lost_paths, IsEmpty());
}

TEST(EnvironmentPlan, CondaMetaIsTheEnvironmentsOwn) {
    const auto planned = plan({package("a", {"bin/x", "conda-meta/oops", "conda-meta/pinned"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(
        planned->packages[0].layer.lost_paths, ElementsAre("conda-meta/oops", "conda-meta/pinned")
    );
    EXPECT_THAT(
        planned->warnings, ElementsAre(HasSubstr("holds conda-meta/oops and one more path"))
    );
}

TEST(EnvironmentPlan, DirectoriesAreShared) {
    const auto planned = plan({package("a", {"share/", "share/x"}), package("b", {"share/"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->warnings, IsEmpty());
}

TEST(EnvironmentPlan, WhatIsMissingIsToldByName) {
    const auto planned =
        plan({package("a", {}, {"b >=1", "gone >=2", "__glibc >=2.17"}), package("b", {})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(
        missing_dependencies(*planned),
        ElementsAre("a-1.0-0 needs gone >=2, which the environment lacks")
    );
}

TEST(EnvironmentPlan, RefusesTwoVersionsAndOtherPlatforms) {
    auto other = package("a", {});
    other.file_name = "a-2.0-0.conda";
    EXPECT_THAT(
        plan({package("a", {}), other}),
        FailsSaying(Code::invalid_input, "a-1.0-0.conda and a-2.0-0.conda are two versions")
    );
    EXPECT_THAT(
        plan_environment({package("a", {})}, {.prefix = "/opt/env", .platform = "linux-aarch64"}),
        FailsSaying(Code::invalid_input, "a-1.0-0.conda is for linux-64")
    );
    auto noarch = package("a", {});
    noarch.metadata.subdir = "noarch";
    EXPECT_THAT(
        plan_environment({noarch}, {.prefix = "/opt/env", .platform = "linux-aarch64"}), Succeeds()
    );
}

TEST(EnvironmentPlan, RefusesPrefixesThatAreNotClean) {
    for (const std::string prefix :
         {"",
          "/",
          "opt/env",
          "/opt/env/",
          "/opt//env",
          "/opt/../env",
          "/opt/./env",
          "/opt/a:b",
          "/opt/a\"b",
          "/opt/\xc3\xa4",
          "/opt/a\nb"}) {
        EXPECT_THAT(
            plan_environment({package("a", {})}, {.prefix = prefix}),
            FailsSaying(Code::invalid_input, "the prefix")
        ) << prefix;
    }
    EXPECT_THAT(plan_environment({}, {.prefix = "/opt/my env"}), Succeeds());
}

TEST(EnvironmentPlan, KeysNameEverythingThatReachesTheBytes) {
    auto one = plan({package("b", {"bin/x"}), package("a", {"bin/x"})});
    ASSERT_THAT(one, Succeeds());
    EXPECT_THAT(
        one->packages[0].layer.layer_key(),
        ElementsAre(
            ::testing::Pair("format", std::string(k_layer_format)),
            ::testing::Pair("package", HasSubstr("sha256:")),
            ::testing::Pair("prefix", "/opt/env"),
            ::testing::Pair("site-packages", ""),
            ::testing::Pair("python", ""),
            ::testing::Pair("lost", "bin/x")
        )
    );
    auto with_token = *one;
    with_token.packages[0].package.url = "https://u:secret@h/t/tk/main/linux-64/a.conda";
    const auto key = with_token.record_key(with_token.packages[0]);
    EXPECT_NE(key, one->record_key(one->packages[0]));
    for (const auto& [name, value] : key) {
        EXPECT_THAT(value, ::testing::Not(HasSubstr("secret")));
    }
}

TEST(EnvironmentPlan, WhatIsOnePackagesFaultIsToldWithItsPlace) {
    const auto bound = [](std::string name, std::size_t room, std::uint32_t line) {
        EnvironmentPackage made = package(name, {});
        ManifestPath path;
        path.path = name + ".so";
        path.mode = FileMode::binary;
        path.placeholder = std::string(room, 'p');
        made.metadata.paths = ManifestPaths(std::vector{path});
        made.where = Span{.file = "env.lock", .line = line};
        return made;
    };

    const auto tight = plan({bound("a", 7, 2), bound("b", 6, 3), bound("c", 8, 4)});
    const auto twice = plan({bound("a", 80, 2), bound("a", 80, 3)});
    EnvironmentPackage python = bound("a", 80, 5);
    python.metadata.noarch = Noarch::python;
    const auto without = plan({std::move(python)});

    ASSERT_THAT(tight, FailsSaying(Code::invalid_input, "b.so in b-1.0-0.conda has room for 6"));
    EXPECT_EQ(tight.error().where->line, 3U);
    EXPECT_EQ(tight.error().hint, "choose a shorter prefix; these packages allow 6 bytes");
    ASSERT_THAT(twice, FailsSaying(Code::invalid_input, "two versions of one package"));
    EXPECT_EQ(twice.error().where->line, 3U);
    ASSERT_THAT(without, FailsSaying(Code::invalid_input, "has no python"));
    EXPECT_EQ(without.error().where->line, 5U);
}

}  // namespace
}  // namespace kiln::conda
