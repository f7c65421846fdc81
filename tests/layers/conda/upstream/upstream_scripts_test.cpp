#include "layers/conda/scripts/link_scripts.hpp"
#include "tests/layers/conda/upstream/upstream_packages.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

// Packages that other projects made to have link scripts, installed into a directory of this
// machine and run by its bash: each does what its own test says.

namespace kiln::testing {
namespace {

struct ScriptCase {
    std::string name;
    std::string upstream;
    std::string project;
    std::vector<std::string> packages;
    std::size_t scripts = 0;
    int exit_code = 0;
    std::string told;    // somewhere in what they write
    std::string leaves;  // a file of the prefix, with what it holds
    std::string content;
};

const std::vector<ScriptCase> k_cases = {
    {"OfRattler",
     "link_script.rs: test_run_link_scripts",
     "rattler",
     {"link-scripts-0.1.0-h4616a5c_0.conda"},
     1,
     0,
     "This is a post-link script that just ran for the recipe package.",
     "i-was-post-linked",
     ""},
    {"OfRattlersOldFormat",
     "link_script.rs: test_run_link_scripts",
     "rattler",
     {"link-scripts-0.1.0-h4616a5c_0.tar.bz2"},
     1,
     0,
     "This is a post-link script that just ran for the recipe package.",
     "i-was-post-linked",
     ""},
    {"SeesWhatItsDependencyHas",
     "conda: c needs a file of b",
     "conda",
     {"post_link-c-1.0-0.conda", "post_link-b-1.0-0.conda"},
     1,
     0,
     "",
     "bin/file",
     "test\n"},
    {"SeesWhatTheScriptOfItsDependencyMade",
     "conda: d needs what the script of e writes",
     "conda",
     {"post_link-d-1.0-0.conda", "post_link-e-1.0-0.conda"},
     2,
     0,
     "",
     "bin/file",
     "test\n"},
    {"WithoutWhatItNeedsFails",
     "conda: c without b",
     "conda",
     {"c_post_link_package-1.0.0-0.tar.bz2"},
     1,
     1,
     "the post-link script of c_post_link_package-1.0.0-0 ended with 1",
     "",
     ""},
    {"OneThatFails",
     "conda test_link: a failing post-link fails the transaction",
     "conda",
     {"failing_post_link-1.0.0-0.tar.bz2"},
     1,
     1,
     "the post-link script of failing_post_link-1.0.0-0 ended with 1",
     "",
     ""},
    {"RunsWhereTheEnvironmentIsActive",
     "conda: activate.d sets TEST_VAR, the script needs it",
     "conda",
     {"post_link_run_in_env_package-1.0-0.conda"},
     1,
     0,
     "Success: TEST_VAR is set correctly",
     "",
     ""},
    {"AMessageInTheRecipeIsNone",
     "conda: pre_link_messages_package",
     "conda",
     {"pre_link_messages_package-1.0-0.conda"},
     0,
     0,
     "",
     "",
     ""},
    {"OfCondaBuild",
     "conda-build: what the script is told",
     "conda-build",
     {"conda-index-pkg-a-1.0-py27h5e241af_0.tar.bz2"},
     1,
     0,
     "\"PKG_BUILDNUM\": \"0\"",
     "",
     ""},
};

void write_to_disk(const BuiltEnvironment& environment, const TempDirectory& directory) {
    for (const auto& [path, each] : environment.entries()) {
        const std::string below = path.substr(directory.path().size() - 1);
        if (each.entry.type == tar::EntryType::file) {
            directory.write(below.substr(1), each.content, each.entry.mode);
        }
    }
}

class UpstreamScripts : public ::testing::TestWithParam<ScriptCase> {};

TEST_P(UpstreamScripts, DoWhatTheirOwnTestSays) {
    const ScriptCase& given = GetParam();
    if (upstream_folder(given.project).empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << given.project;
    }
    const TempDirectory directory;
    std::vector<OpenPackage> packages;
    for (const std::string& file : given.packages) {
        auto package = open_upstream(given.project, file);
        ASSERT_THAT(package, Succeeds());
        packages.push_back(std::move(*package));
    }
    const auto environment = build_environment(std::move(packages), directory.path());
    ASSERT_THAT(environment, Succeeds());
    write_to_disk(*environment, directory);
    const auto everyone = conda::LinkScriptPolicy::parse("allow");
    ASSERT_THAT(everyone, Succeeds());

    const auto scripts = conda::plan_link_scripts(environment->plan, *everyone, "/usr/bin:/bin");
    const auto ran = run_program({"/bin/sh", "-c", scripts.driver()});

    EXPECT_EQ(scripts.runs.size(), given.scripts) << given.upstream;
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->exit_code, given.exit_code) << ran->output;
    EXPECT_THAT(ran->output, ::testing::HasSubstr(given.told)) << given.upstream;
    EXPECT_FALSE(std::filesystem::exists(directory.path(".messages.txt"))) << given.upstream;
    if (!given.leaves.empty()) {
        EXPECT_EQ(directory.read(given.leaves), given.content) << given.upstream;
    }
}

TEST_P(UpstreamScripts, AreToldAndLeftAloneByDefault) {
    const ScriptCase& given = GetParam();
    if (upstream_folder(given.project).empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << given.project;
    }
    std::vector<OpenPackage> packages;
    for (const std::string& file : given.packages) {
        auto package = open_upstream(given.project, file);
        ASSERT_THAT(package, Succeeds());
        packages.push_back(std::move(*package));
    }
    const auto environment = build_environment(std::move(packages), "/opt/env");
    ASSERT_THAT(environment, Succeeds());

    const auto scripts = conda::plan_link_scripts(environment->plan, {}, "");

    EXPECT_TRUE(scripts.runs.empty());
    EXPECT_EQ(scripts.warnings.size(), given.scripts);
}

INSTANTIATE_TEST_SUITE_P(
    OfOtherProjects,
    UpstreamScripts,
    ::testing::ValuesIn(k_cases),
    [](const auto& instance) { return instance.param.name; }
);

}  // namespace
}  // namespace kiln::testing
