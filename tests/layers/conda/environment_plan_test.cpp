#include "layers/conda/environment_plan.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    for (std::string& path : paths) {
        ManifestPath each;
        if (path.ends_with('/')) {
            path.pop_back();
            each.type = PathType::directory;
        }
        each.path = std::move(path);
        package.metadata.paths.push_back(std::move(each));
    }
    return package;
}

Result<EnvironmentPlan> plan(std::vector<EnvironmentPackage> packages) {
    return plan_environment(std::move(packages), {.prefix = "/opt/env"});
}

TEST(EnvironmentPlan, TheLastOneLinkedKeepsAPath) {
    const auto planned =
        plan({package("a", {"bin/x", "share/a"}, {"b"}), package("b", {"bin/x", "share/b"})});

    ASSERT_THAT(planned, Succeeds());
    EXPECT_EQ(planned->packages[0].package.metadata.name, "b");
    EXPECT_THAT(planned->packages[0].layer.lost_paths, ElementsAre("bin/x"));
    EXPECT_THAT(planned->packages[1].layer.lost_paths, IsEmpty());
    EXPECT_THAT(
        planned->warnings,
        ElementsAre(
            "b-1.0-0 and a-1.0-0 both hold bin/x; what a has there is kept, as it is linked later"
        )
    );
}

TEST(EnvironmentPlan, AFileAndADirectoryOfOneNameNeverMeet) {
    // rattler's clobber-fd: a file, then two packages with a directory in its place.
    const auto planned = plan(
        {package("file", {"clobber"}),
         package("two", {"clobber/2.txt"}),
         package("three", {"clobber/3.txt"})}
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
        plan({package("one", {"c/1.txt"}), package("file", {"c"}), package("two", {"c/2.txt"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->packages[0].layer.lost_paths, ElementsAre("c/1.txt"));
    EXPECT_THAT(planned->packages[1].layer.lost_paths, ElementsAre("c"));
    EXPECT_THAT(planned->packages[2].layer.lost_paths, IsEmpty());
}

TEST(EnvironmentPlan, DirectoriesAreShared) {
    const auto planned = plan({package("a", {"share/", "share/x"}), package("b", {"share/"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->warnings, IsEmpty());
}

TEST(EnvironmentPlan, LinkScriptsAreToldNotRun) {
    const auto planned = plan({package("a", {"bin/.a-post-link.sh", "bin/.other-post-link.sh"})});
    ASSERT_THAT(planned, Succeeds());
    EXPECT_THAT(planned->warnings, ElementsAre("the post-link script of a-1.0-0 is not run"));
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
    auto one = plan({package("a", {"bin/x"}), package("b", {"bin/x"})});
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
    EXPECT_NE(with_token.meta_key(), one->meta_key());
    for (const auto& [name, value] : with_token.meta_key()) {
        EXPECT_THAT(value, ::testing::Not(HasSubstr("secret")));
    }
}

}  // namespace
}  // namespace kiln::conda
