#include "tests/support/conda_layers.hpp"
#include "tests/support/git_blob.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

// Prefixes that conda itself has written, recorded file by file: ours must come out the same.

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::file_of;
using ::kiln::testing::git_blob_sha1;
using ::kiln::testing::LayerEntry;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;

const std::string k_conda = KILN_SHARED_DIR "/conda";

struct Recorded {
    std::string name;
    std::string prefix;
    std::string python;
    std::size_t packages;
};

struct File {
    std::string mode;
    std::string sha1;
    bool operator==(const File&) const = default;

    friend std::ostream& operator<<(std::ostream& out, const File& file) {
        return out << file.mode << " " << file.sha1;
    }
};

std::map<std::string, File> recorded_tree(const std::string& path) {
    std::map<std::string, File> tree;
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);  // the names of the columns
    while (std::getline(in, line)) {
        std::istringstream row(line);
        File file;
        std::string size;
        std::string name;
        std::getline(row, file.mode, '\t');
        std::getline(row, file.sha1, '\t');
        std::getline(row, size, '\t');
        std::getline(row, name);
        tree[name] = file;
    }
    return tree;
}

File as_git_sees(const LayerEntry& each) {
    if (each.entry.type == tar::EntryType::symlink) {
        return {"120000", git_blob_sha1(each.entry.link)};
    }
    return {(each.entry.mode & 0100U) != 0 ? "100755" : "100644", git_blob_sha1(each.content)};
}

/// The packages of the recorded environment that are here, and their files by its records.
struct Present {
    std::vector<OpenPackage> packages;
    std::set<std::string> files;
};

Present packages_of(const Recorded& recorded) {
    Present present;
    const std::filesystem::path records = k_conda + "/golden/" + recorded.name + "/conda-meta";
    for (const auto& record : std::filesystem::directory_iterator(records)) {
        const std::string dist = record.path().stem().string();
        const std::string path = k_conda + "/packages/vini-linux-64/" + dist + ".conda";
        if (record.path().extension() != ".json" || !std::filesystem::exists(path)) {
            continue;
        }
        auto package = open_package(path);
        EXPECT_THAT(package, Succeeds()) << dist;
        std::ifstream in(record.path());
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        const auto parsed = json::parse(text, dist);
        EXPECT_THAT(parsed, Succeeds());
        for (const json::Value& file : parsed->at("files").as_array()) {
            present.files.insert(file.as_string().c_str());
        }
        // What conda compiled itself is no file of the package.
        for (const json::Value& each : parsed->at("paths_data").at("paths").as_array()) {
            if (each.at("path_type") == "pyc_file") {
                present.files.erase(each.at("_path").as_string().c_str());
            }
        }
        present.packages.push_back(std::move(*package));
    }
    return present;
}

class GoldenPrefix : public ::testing::TestWithParam<Recorded> {};

TEST_P(GoldenPrefix, ComesOutAsCondaWroteIt) {
    const Recorded& recorded = GetParam();
    const std::string tree_path = k_conda + "/golden/" + recorded.name + "/installed-tree.tsv";
    if (!std::filesystem::exists(tree_path)) {
        GTEST_SKIP() << "no ../shared/conda/golden/" << recorded.name;
    }
    const auto tree = recorded_tree(tree_path);
    Present present = packages_of(recorded);
    EXPECT_EQ(present.packages.size(), recorded.packages);
    PackageMaker python("python", recorded.python, "stub");
    auto stub = open_package(file_of(python.conda()), "python-stub.conda");
    ASSERT_THAT(stub, Succeeds());
    present.packages.push_back(std::move(*stub));

    const auto environment = build_environment(std::move(present.packages), recorded.prefix);

    ASSERT_THAT(environment, Succeeds());
    EXPECT_THAT(environment->plan.warnings, ::testing::IsEmpty());
    const std::string root = recorded.prefix.substr(1) + "/";
    std::size_t files = 0;
    std::set<std::string> written;
    for (const auto& [path, each] : environment->entries()) {
        if (each.entry.type == tar::EntryType::directory) {
            EXPECT_EQ(each.entry.mode, 0755U) << path;
            EXPECT_TRUE((path + "/").starts_with(root)) << path;
            continue;
        }
        const std::string below = path.substr(root.size());
        written.insert(below);
        ++files;
        const auto expected = tree.find(below);
        if (expected == tree.end()) {
            ADD_FAILURE() << below << " is not in the recorded prefix";
            continue;
        }
        EXPECT_EQ(as_git_sees(each), expected->second) << below;
    }
    for (const std::string& file : present.files) {
        if (file.find("__pycache__") == std::string::npos && tree.contains(file)) {
            EXPECT_TRUE(written.contains(file)) << file << " is missing";
        }
    }
    EXPECT_GT(files, 1000U);
    std::cout << files << " files and links compared\n";
}

INSTANTIATE_TEST_SUITE_P(
    WrittenByConda,
    GoldenPrefix,
    ::testing::Values(
        Recorded{"vini-base-py38", "/home/namd5/vini_3_1/miniconda3", "3.8.5", 42},
        Recorded{"vini-env-py27", "/home/namd5/vini_3_1/miniconda3/envs/Vini", "2.7.18", 24}
    ),
    [](const auto& instance) { return instance.index == 0 ? "py38" : "py27"; }
);

}  // namespace
}  // namespace kiln::conda
