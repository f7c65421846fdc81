#include "layers/conda/installed/verification.hpp"

#include "store/hasher.hpp"
#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::file_of;
using ::kiln::testing::InstalledImage;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string k_built_prefix(80, 'p');

InstalledImage image() {
    const PackageMaker one =
        PackageMaker("one")
            .file("bin/tool", "#!" + k_built_prefix + "/bin/sh\n", {k_built_prefix})
            .file("lib/plain", "plain")
            .file("shared", "of one")
            .symlink("lib/link", "gone");
    const PackageMaker two = PackageMaker("two").depends("one").file("shared", "of two");
    std::vector<OpenPackage> packages;
    for (const PackageMaker& maker : {one, two}) {
        auto package = open_package(file_of(maker.conda()), maker.dist() + ".conda");
        EXPECT_THAT(package, Succeeds());
        packages.push_back(std::move(*package));
    }
    const auto built = build_environment(std::move(packages), "/opt/env");
    EXPECT_THAT(built, Succeeds());
    return InstalledImage(*built);
}

Verification verified(const InstalledImage& image) {
    const auto environment = read_environment(image.tree(), "/opt/env", image.read());
    EXPECT_THAT(environment, Succeeds());
    return verify(*environment, image.tree());
}

TEST(Verification, WhatWasInstalledIsAsItsRecordSays) {
    const Verification verification = verified(image());

    EXPECT_THAT(verification.findings, IsEmpty());
    EXPECT_EQ(verification.packages, 2U);
    EXPECT_EQ(verification.paths, 4U);  // what one lost to two is not one's
    EXPECT_EQ(verification.unchecked, 0U);
}

TEST(Verification, FindsWhatIsMissingChangedOrOfAnotherType) {
    InstalledImage damaged = image();
    damaged.add_files(
        {{"opt/env/bin/.wh.tool", ""},
         {"opt/env/lib/link", "a file"},
         {"opt/env/lib/plain", "changed"}}
    );
    const std::size_t top = damaged.tree().layers().size() - 1;

    EXPECT_THAT(
        verified(damaged).findings,
        ElementsAre(
            PathFinding{"one-1.0-0", "bin/tool", PathFault::missing, "", "", top},
            PathFinding{"one-1.0-0", "lib/link", PathFault::type, "", "", top},
            PathFinding{
                "one-1.0-0",
                "lib/plain",
                PathFault::content,
                digest_of("plain").hex(),
                digest_of("changed").hex(),
                top}
        )
    );
}

TEST(Verification, TellsWhatNoPackageHasButNotWhatWasCompiledOrAnotherEnvironments) {
    InstalledImage used = image();
    used.add_files(
        {{"opt/env/etc/pip.conf", "[global]"},
         {"opt/env/lib/__pycache__/x.pyc", "compiled"},
         {"opt/env/envs/b/bin/x", "of b"},
         {"opt/env/envs/b/conda-meta/history", ""},
         {"opt/other", "outside"}}
    );

    const Verification verification = verified(used);

    EXPECT_THAT(verification.findings, IsEmpty());
    EXPECT_THAT(verification.extra, ElementsAre("etc/pip.conf"));
}

TEST(Verification, BelievesTheDigestsItIsGiven) {
    const InstalledImage sound = image();
    const auto environment = read_environment(sound.tree(), "/opt/env", sound.read());
    ASSERT_THAT(environment, Succeeds());
    const tree::FileTree tree = sound.tree();

    const auto files = recorded_files(*environment, tree);
    const auto verification = verify(*environment, tree, [](const tree::Node& file) {
        return file.row.entry.path == "opt/env/lib/plain" ? digest_of("rot") : file.row.content;
    });

    EXPECT_EQ(files.size(), 3U);
    ASSERT_EQ(verification.findings.size(), 1U);
    EXPECT_EQ(verification.findings.front().path, "lib/plain");
    EXPECT_EQ(verification.findings.front().found, digest_of("rot").hex());
}

TEST(Verification, APathOfTwoPackagesIsRightWhenItIsAsOneOfThemSays) {
    // conda's own records keep what a package lost.
    const auto record = [](const std::string& name, const std::string& content) {
        return R"({"name": ")" + name + R"(", "version": "1", "build": "0", "files": ["x"],
            "paths_data": {"paths": [{"_path": "x", "sha256": ")"
               + digest_of(content).hex() + R"("}]}})";
    };
    InstalledImage image;
    image.add_files(
        {{"opt/env/conda-meta/a-1-0.json", record("a", "of a")},
         {"opt/env/conda-meta/b-1-0.json", record("b", "of b")},
         {"opt/env/x", "of b"}}
    );
    EXPECT_THAT(verified(image).findings, IsEmpty());
    image.add_files({{"opt/env/x", "of nobody"}});
    EXPECT_EQ(verified(image).findings.size(), 2U);
}

TEST(Verification, ThePathsOfTwoVersionsOfOnePackageAreNotExcused) {
    const auto record = [](const std::string& version) {
        return R"({"name": "a", "version": ")" + version + R"(", "build": "0", "files": ["x"],
            "paths_data": {"paths": [{"_path": "x", "sha256": ")"
               + digest_of(version).hex() + R"("}]}})";
    };
    InstalledImage image;
    image.add_files(
        {{"opt/env/conda-meta/a-1-0.json", record("1")},
         {"opt/env/conda-meta/a-2-0.json", record("2")},
         {"opt/env/x", "2"}}
    );
    const auto findings = verified(image).findings;
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings.front().package, "a-1-0");
}

TEST(Verification, WhatWasCompiledMayBeMissingAndWhatHasNoDigestIsCounted) {
    InstalledImage image;
    image.add_files(
        {{"opt/env/conda-meta/a-1-0.json",
          R"({"name": "a", "version": "1", "build": "0", "files": ["old", "x.pyc"], "paths_data":
              {"paths": [{"_path": "x.pyc", "path_type": "pyc_file"}]}})"},
         {"opt/env/old", "whatever"}}
    );
    const Verification verification = verified(image);
    EXPECT_THAT(verification.findings, IsEmpty());
    EXPECT_EQ(verification.unchecked, 2U);
}

TEST(Verification, DirectoriesOnTheWayMayBeSymlinks) {
    InstalledImage image;
    image.add_files(
        {{"opt/env/conda-meta/a-1-0.json",
          R"({"name": "a", "version": "1", "build": "0", "files": ["lib64/x"]})"},
         {"opt/env/lib/x", "x"}}
    );
    auto link = testing::build_layer([](LayerBuilder& layer) {
        tar::TarEntry entry;
        entry.path = "opt/env/lib64";
        entry.type = tar::EntryType::symlink;
        entry.mode = 0777;
        entry.link = "lib";
        return layer.add(entry);
    });
    ASSERT_THAT(link, Succeeds());
    image.add(std::move(*link));
    EXPECT_THAT(verified(image).findings, IsEmpty());
}

}  // namespace
}  // namespace kiln::conda
