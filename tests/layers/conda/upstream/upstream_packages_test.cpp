#include "tests/layers/conda/upstream/upstream_packages.hpp"

#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

// Every test package of other projects, and what installing it alone does: the table is
// tests/golden/conda/upstream/packages.tsv, its third column says what the package is kept for and
// which upstream test says so. Several together: upstream_clobber_test, upstream_scripts_test.

namespace kiln::testing {
namespace {

/// What the table says of the packages of one project: file -> outcome.
std::map<std::string, std::string> expected_of(const std::string& project) {
    std::map<std::string, std::string> expected;
    std::istringstream lines(golden_input("conda/upstream/packages.tsv"));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t name_end = line.find('\t');
        const std::size_t outcome_end = line.find('\t', name_end + 1);
        EXPECT_LT(outcome_end + 1, line.size()) << line << ": what is it kept for?";
        if (line.starts_with(project + "/")) {
            const std::size_t name_at = project.size() + 1;
            expected[line.substr(name_at, name_end - name_at)] =
                line.substr(name_end + 1, outcome_end - name_end - 1);
        }
    }
    return expected;
}

class UpstreamPackages : public ::testing::TestWithParam<std::string> {};

TEST_P(UpstreamPackages, DoWhatTheTableSays) {
    const std::filesystem::path folder = upstream_folder(GetParam());
    if (folder.empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << GetParam();
    }
    std::map<std::string, std::string> outcomes;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string name = file.path().filename().string();
        std::string outcome = describe_installation(file.path());
        // Errors name the file, and so does the row.
        if (const std::size_t at = outcome.find(name + ": "); at != std::string::npos) {
            outcome.erase(at, name.size() + 2);
        }
        outcomes[name] = std::move(outcome);
    }

    EXPECT_EQ(outcomes, expected_of(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryProject,
    UpstreamPackages,
    ::testing::Values("rattler", "conda", "conda-build", "cph", "mamba", "pixi-pack", "truncated"),
    [](const auto& instance) {
        std::string name = instance.param;
        std::erase(name, '-');
        return name;
    }
);

class RealPackages : public ::testing::TestWithParam<std::string> {};

TEST_P(RealPackages, AreInstalledWithoutAWarning) {
    const std::filesystem::path folder = upstream_folder(GetParam());
    if (folder.empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << GetParam();
    }
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string outcome = describe_installation(file.path());
        // "12 files, 2 links": errors and warnings have other words.
        EXPECT_TRUE(::testing::Matches(
            ::testing::ContainsRegex("^[0-9]+ files?(, [0-9]+ links?)?(; post-link)?$")
        )(outcome)
        ) << file.path().filename()
          << ": " << outcome;
    }
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryCollection,
    RealPackages,
    ::testing::Values("beblack-linux-64-repacked", "miniforge-aarch64", "vini-linux-64"),
    [](const auto& instance) { return instance.param.substr(0, instance.param.find('-')); }
);

}  // namespace
}  // namespace kiln::testing
