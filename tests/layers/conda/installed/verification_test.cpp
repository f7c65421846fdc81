#include "layers/conda/installed/verification.hpp"

#include "store/hasher.hpp"
#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"

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

const std::string k_place(80, 'p');

InstalledImage image() {
    const PackageMaker one = PackageMaker("one")
                                 .file("bin/tool", "#!" + k_place + "/bin/sh\n", {k_place})
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

    EXPECT_THAT(
        verified(damaged).findings,
        ElementsAre(
            PathFinding{"one-1.0-0", "bin/tool", PathFault::missing, "", ""},
            PathFinding{"one-1.0-0", "lib/link", PathFault::type, "", ""},
            PathFinding{
                "one-1.0-0",
                "lib/plain",
                PathFault::content,
                digest_of("plain").hex(),
                digest_of("changed").hex()}
        )
    );
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
