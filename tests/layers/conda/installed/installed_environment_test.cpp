#include "layers/conda/installed/installed_environment.hpp"

#include "store/hasher.hpp"
#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::BuiltEnvironment;
using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::file_of;
using ::kiln::testing::InstalledImage;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string k_long_prefix(80, 'p');

BuiltEnvironment installed_at(const std::string& prefix = "/opt/env") {
    const PackageMaker python =
        PackageMaker("python", "3.11.4", "h1_2").file("bin/python", "elf", 0755);
    const PackageMaker hello =
        PackageMaker("hello")
            .noarch("python")
            .depends("python >=3.8")
            .entry_point("hello = hello:main")
            .file("site-packages/hello.py", "# " + k_long_prefix, {k_long_prefix})
            .directory("var/empty")
            .symlink("share/link", "x");
    std::vector<OpenPackage> packages;
    for (const PackageMaker& maker : {hello, python}) {
        auto package = open_package(file_of(maker.conda()), maker.dist() + ".conda");
        EXPECT_THAT(package, Succeeds());
        package->described.url = "https://u:p@h.example/t/tk/main/x/" + maker.dist() + ".conda";
        package->described.requested_specs = {maker.dist().substr(0, maker.dist().find('-'))};
        packages.push_back(std::move(*package));
    }
    auto built = build_environment(std::move(packages), prefix);
    EXPECT_THAT(built, Succeeds());
    return std::move(*built);
}

TEST(InstalledEnvironment, IsReadOutOfTheImageAsItWasInstalled) {
    const InstalledImage image(installed_at());

    const auto read = read_environments(image.tree(), image.read());

    ASSERT_THAT(read, Succeeds());
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ(read->front().prefix, "/opt/env");
    ASSERT_EQ(read->front().packages.size(), 2U);
    const InstalledPackage& hello = read->front().packages[0];
    EXPECT_EQ(hello.dist(), "hello-1.0-0");
    EXPECT_EQ(hello.noarch, Noarch::python);
    EXPECT_EQ(hello.url, "https://h.example/main/x/hello-1.0-0.conda");
    EXPECT_THAT(hello.depends, ElementsAre("python >=3.8"));
    EXPECT_THAT(hello.requested_specs, ElementsAre("hello"));
    EXPECT_THAT(
        hello.paths,
        ElementsAre(
            ::testing::Field(&InstalledPath::path, "bin/hello"),
            InstalledPath{
                "lib/python3.11/site-packages/hello.py",
                InstalledPathType::file,
                digest_of("# /opt/env").hex()},
            InstalledPath{"share/link", InstalledPathType::symlink, ""},
            InstalledPath{"var/empty", InstalledPathType::directory, ""}
        )
    );
    EXPECT_EQ(read->front().packages[1].dist(), "python-3.11.4-h1_2");
}

TEST(InstalledEnvironment, PrefixesAreFoundWhereverTheyAre) {
    InstalledImage image(installed_at("/srv/one"));
    image.add_files(
        {{"opt/empty/conda-meta/history", ""},
         {"opt/no/conda-metadata/history", ""},
         {"opt/no/xconda-meta/history", ""},
         {"opt/old/conda-meta/a-1-0.json", R"({"name": "a", "version": "1", "build": "0"})"},
         {"opt/gone/conda-meta/history", ""},
         {"conda-meta/history", ""}}
    );
    image.add_files({{"opt/.wh.gone", ""}});

    EXPECT_THAT(
        find_prefixes(image.tree()), ElementsAre("/", "/opt/empty", "/opt/old", "/srv/one")
    );
    const auto old = read_environment(image.tree(), "/opt/old", image.read());
    ASSERT_THAT(old, Succeeds());
    EXPECT_EQ(old->packages.front().dist(), "a-1-0");
    EXPECT_THAT(
        read_environment(image.tree(), "/opt/gone", image.read()), FailsWith(Code::not_found)
    );
}

TEST(InstalledRecord, OldOnesHaveFilesOnlyOrPathsOfThePackage) {
    const auto files_only =
        read_record(R"({"name": "a", "version": "1", "files": ["bin/x", "a"]})", "a.json");
    ASSERT_THAT(files_only, Succeeds());
    EXPECT_THAT(
        files_only->paths,
        ElementsAre(
            InstalledPath{"a", InstalledPathType::other, ""},
            InstalledPath{"bin/x", InstalledPathType::other, ""}
        )
    );
    const auto noarch = read_record(
        R"({"name": "a", "version": "1", "noarch": "python", "requested_spec": "None",
            "files": ["bin/s", "lib/python3.8/site-packages/m.py"],
            "paths_data": {"paths_version": 1, "paths": [
                {"_path": "site-packages/m.py", "path_type": "hardlink", "sha256": "aa"},
                {"_path": "python-scripts/s", "path_type": "hardlink", "sha256": "bb",
                 "sha256_in_prefix": "cc", "prefix_placeholder": "/p"}]}})",
        "a.json"
    );
    ASSERT_THAT(noarch, Succeeds());
    EXPECT_THAT(
        noarch->paths,
        ElementsAre(
            InstalledPath{"bin/s", InstalledPathType::file, "cc"},
            InstalledPath{"lib/python3.8/site-packages/m.py", InstalledPathType::file, "aa"}
        )
    );
    EXPECT_THAT(noarch->requested_specs, IsEmpty());
}

TEST(InstalledRecord, WhatIsNoneIsRefusedByItsName) {
    for (const std::string text :
         {"",
          "[]",
          "{}",
          R"({"name": "a"})",
          R"({"name": "a", "version": "1", "files": ["../x"]})",
          R"({"name": "a", "version": "1", "files": ["/x"]})",
          R"({"name": "a", "version": "1", "paths_data": {"paths": [{"_path": ""}]}})"}) {
        EXPECT_THAT(read_record(text, "a-1-0.json"), FailsSaying(Code::corrupt, "a-1-0.json"))
            << text;
    }
}

TEST(InstalledRecord, ThoseOfRealPrefixesNameEveryFileThatConcernsThem) {
    const std::filesystem::path golden = KILN_SHARED_DIR "/conda/golden";
    if (!std::filesystem::exists(golden)) {
        GTEST_SKIP() << "no ../shared/conda/golden";
    }
    std::size_t records = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(golden)) {
        if (file.path().extension() != ".json") {
            continue;
        }
        std::ifstream in(file.path());
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        const std::string name = file.path().filename().string();

        const auto record = read_record(text, name);

        ASSERT_THAT(record, Succeeds()) << file.path();
        EXPECT_EQ(record->dist() + ".json", name);
        const auto value = json::parse(text, name);
        std::size_t files = 0;
        for (const json::Value& each : value->at("files").as_array()) {
            const std::string path(each.as_string());
            const auto same = [&](const InstalledPath& one) { return one.path == path; };
            EXPECT_TRUE(std::any_of(record->paths.begin(), record->paths.end(), same)) << path;
            ++files;
        }
        // Nothing is left at the place that it had in a noarch package.
        EXPECT_EQ(record->paths.size(), files) << name;
        ++records;
    }
    EXPECT_GT(records, 100U);
}

}  // namespace
}  // namespace kiln::conda
