#include "tests/layers/conda/upstream/upstream_packages.hpp"
#include "tests/support/matchers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

// Packages that other projects made to hold the same paths, installed together in every order. What
// is left must be what their own tests say; what loses must be in no layer, and be told.

namespace kiln::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

struct Clobber {
    std::string name;
    std::string upstream;  // the test that says so
    std::string project;
    std::vector<std::string> packages;
    std::map<std::string, std::string> left;  // path -> content, or "-> text" of a symlink
    std::vector<std::pair<std::string, std::string>> told;  // loser and winner
};

const std::string k_rattler = "clobber_registry.rs: ";

const std::vector<Clobber> k_clobbers = {
    {"Files",
     k_rattler + "test_transaction_with_clobber, test_all_possible_orders_clobber",
     "rattler",
     {"clobber-1-0.1.0-h4616a5c_0.tar.bz2",
      "clobber-2-0.1.0-h4616a5c_0.tar.bz2",
      "clobber-3-0.1.0-h4616a5c_0.tar.bz2"},
     {{"another-clobber.txt", "clobber-1\n"}, {"clobber.txt", "clobber-1\n"}},
     {{"clobber-2", "clobber-1"}, {"clobber-3", "clobber-1"}}},
    {"FilesOfOneUpdated",
     k_rattler + "test_clobber_update",
     "rattler",
     {"clobber-1-0.2.0-h4616a5c_0.tar.bz2",
      "clobber-2-0.1.0-h4616a5c_0.tar.bz2",
      "clobber-3-0.1.0-h4616a5c_0.tar.bz2"},
     {{"another-clobber.txt", "clobber-2\n"}, {"clobber.txt", "clobber-1 v2\n"}},
     {{"clobber-2", "clobber-1"}, {"clobber-3", "clobber-2"}, {"clobber-3", "clobber-1"}}},
    {"FilesOfTheLastUpdated",
     k_rattler + "test_clobber_update_and_remove",
     "rattler",
     {"clobber-1-0.2.0-h4616a5c_0.tar.bz2", "clobber-3-0.2.0-h4616a5c_0.tar.bz2"},
     {{"clobber.txt", "clobber-1 v2\n"}},
     {{"clobber-3", "clobber-1"}}},
    {"FilesDeepDownAlongDependencies",
     k_rattler + "test_all_possible_orders_clobber_nested",
     "rattler",
     {"clobber-nested-1-0.1.0-h4616a5c_0.tar.bz2",
      "clobber-nested-2-0.1.0-h4616a5c_0.tar.bz2",
      "clobber-nested-3-0.1.0-h4616a5c_0.tar.bz2"},
     {{"clobber/bobber/clobber.txt", "clobber-2\n"}},
     {{"clobber-nested-1", "clobber-nested-2"}, {"clobber-nested-3", "clobber-nested-2"}}},
    {"FilesDeepDownWithoutTheWinner",
     k_rattler + "test_all_possible_orders_clobber_nested, after the removal",
     "rattler",
     {"clobber-nested-1-0.1.0-h4616a5c_0.tar.bz2", "clobber-nested-3-0.1.0-h4616a5c_0.tar.bz2"},
     {{"clobber/bobber/clobber.txt", "clobber-1\n"}},
     {{"clobber-nested-3", "clobber-nested-1"}}},
    {"NoarchPython",
     k_rattler + "test_clobber_python_noarch",
     "rattler",
     {"clobber-pynoarch-1-0.1.0-pyh4616a5c_0.tar.bz2",
      "clobber-pynoarch-2-0.1.0-pyh4616a5c_0.tar.bz2"},
     {{"lib/python3.11/site-packages/clobber/clobber.py", "print('hello world')\n"}},
     {{"clobber-pynoarch-2", "clobber-pynoarch-1"}}},
    {"APythonThatIsAnother",
     k_rattler + "test_dependency_clobber",
     "rattler",
     {"clobber-python-0.1.0-pypy.conda", "clobber-pypy-0.1.0-h4616a5c_0.conda"},
     {{"bin/python", "pypy\n"}},
     {}},
    {"AFileThatWasADirectory",
     k_rattler + "test_dir_to_file_upgrade",
     "rattler",
     {"clobber-directory-upgrade-0.2.0-h4616a5c_0.conda"},
     {{"bin/content.txt", "initial\n"}, {"xbin", ""}},
     {}},
    {"AFileAndADirectory",
     k_rattler + "test_direct_file_and_directory_clobber",
     "rattler",
     {"clobber-with-dir-0.1.0-h4616a5c_0.conda", "clobber-without-dir-0.1.0-h4616a5c_0.conda"},
     {{"dir/clobber.txt", "clobber-1\n"}},
     {{"clobber-without-dir", "clobber-with-dir"}}},
    {"AFileAndTwoDirectories",
     k_rattler + "test_file_and_directory_clobber_with_merging",
     "rattler",
     {"clobber-fd-rev-3-0.1.0-h4616a5c_0.conda",
      "clobber-fd-rev-2-0.1.0-h4616a5c_0.conda",
      "clobber-fd-rev-1-0.1.0-h4616a5c_0.conda"},
     {{"clobber/clobber-fd-rev-1.txt", "clobber-fd-rev-1\n"},
      {"clobber/clobber-fd-rev-2.txt", "clobber-fd-rev-2\n"}},
     {{"clobber-fd-rev-3", "clobber-fd-rev-1"}}},
    {"TwoDirectoriesAndAFileThatIsLast",
     "by the same rule: the file is linked last",
     "rattler",
     {"clobber-fd-1-0.1.0-h4616a5c_0.conda",
      "clobber-fd-2-0.1.0-h4616a5c_0.conda",
      "clobber-fd-3-0.1.0-h4616a5c_0.conda"},
     {{"clobber", "clobber-fd-1\n"}},
     {{"clobber-fd-2", "clobber-fd-1"}, {"clobber-fd-3", "clobber-fd-1"}}},
    {"OneFileInADirectoryThatTwoHave",
     "by the same rule",
     "rattler",
     {"clobber-fd-2-0.1.0-h4616a5c_0.conda",
      "clobber-fd-2-conflicting-0.1.0-h4616a5c_0.conda",
      "clobber-fd-3-0.1.0-h4616a5c_0.conda"},
     {{"clobber/clobber-fd-2.txt", "clobber-fd-2\n"},
      {"clobber/clobber-fd-3.txt", "clobber-fd-3\n"}},
     {{"clobber-fd-2-conflicting", "clobber-fd-2"}}},
    {"Symlinks",
     "installer: links that clobber along dependencies",
     "rattler",
     {"clobber-with-symlink-a-0.1.0-h4616a5c_0.conda",
      "clobber-with-symlink-b-0.1.0-h4616a5c_0.conda"},
     {{"lib/clobber-1.txt", "clobber-1\n"},
      {"lib/clobber-2.txt", "clobber-2\n"},
      {"lib/clobber.so", "-> clobber-1.txt"}},
     {{"clobber-with-symlink-a", "clobber-with-symlink-b"}}},
    {"OfConda",
     "conda warns of the shared path and installs both",
     "conda",
     {"clobber-a-1.0.0-0.tar.bz2", "clobber-b-1.0.0-0.tar.bz2"},
     {{"bin/clobber-test-file", "clobber-a\n"}},
     {{"clobber-b", "clobber-a"}}},
};

std::string shown(const LayerEntry& each) {
    return each.entry.type == tar::EntryType::symlink ? "-> " + each.entry.link : each.content;
}

Result<BuiltEnvironment> install(const Clobber& clobber, const std::vector<std::string>& order) {
    std::vector<OpenPackage> packages;
    if (clobber.name == "NoarchPython") {
        packages.push_back(stub_python("3.11.0"));
    }
    for (const std::string& file : order) {
        TRY_ASSIGN(OpenPackage package, open_upstream(clobber.project, file));
        packages.push_back(std::move(package));
    }
    return build_environment(std::move(packages), "/e");
}

class UpstreamClobber : public ::testing::TestWithParam<Clobber> {};

TEST_P(UpstreamClobber, LeavesWhatItsOwnTestSaysInAnyOrder) {
    const Clobber& clobber = GetParam();
    if (upstream_folder(clobber.project).empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << clobber.project;
    }
    std::vector<std::string> order = clobber.packages;
    std::sort(order.begin(), order.end());
    do {
        const auto environment = install(clobber, order);

        ASSERT_THAT(environment, Succeeds());
        std::map<std::string, std::string> left;
        for (const auto& [path, each] : environment->entries()) {  // none is there twice
            if (each.entry.type != tar::EntryType::directory) {
                left[path.substr(2)] = shown(each);
            }
        }
        EXPECT_EQ(left, clobber.left) << clobber.upstream;
        EXPECT_EQ(environment->plan.warnings.size(), clobber.told.size());
        for (const auto& [loser, winner] : clobber.told) {
            EXPECT_THAT(
                environment->plan.warnings,
                Contains(AllOf(
                    ::testing::StartsWith(loser + "-"),
                    HasSubstr(" and " + winner + "-"),
                    HasSubstr("what " + winner + " has there is kept")
                ))
            );
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_P(UpstreamClobber, RecordsNameWhatTheirPackageHasInTheImage) {
    const Clobber& clobber = GetParam();
    if (upstream_folder(clobber.project).empty()) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << clobber.project;
    }
    const auto environment = install(clobber, clobber.packages);
    ASSERT_THAT(environment, Succeeds());

    const auto meta = build_meta_layer(*environment);

    ASSERT_THAT(meta, Succeeds());
    std::multiset<std::string> recorded;
    for (const auto& [path, each] : entries_of(*meta)) {
        if (path.ends_with(".json")) {
            const auto record = json::parse(each.content, path);
            ASSERT_THAT(record, Succeeds());
            for (const json::Value& file : record->at("files").as_array()) {
                recorded.insert(std::string(file.as_string()));
            }
        }
    }
    std::multiset<std::string> left;
    for (const auto& [path, content] : clobber.left) {
        left.insert(path);
    }
    EXPECT_EQ(recorded, left);
}

INSTANTIATE_TEST_SUITE_P(
    OfOtherProjects,
    UpstreamClobber,
    ::testing::ValuesIn(k_clobbers),
    [](const auto& instance) { return instance.param.name; }
);

}  // namespace
}  // namespace kiln::testing
