#include "layers/conda/package_layer.hpp"

#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::build_package_layer;
using ::kiln::testing::BuiltEnvironment;
using ::kiln::testing::entries_of;
using ::kiln::testing::FailsSaying;
using ::kiln::testing::file_of;
using ::kiln::testing::LayerEntries;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string k_placeholder(80, 'p');  // stands for /…, which the length alone decides

std::vector<OpenPackage> open_all(const std::vector<PackageMaker>& makers) {
    std::vector<OpenPackage> packages;
    for (const PackageMaker& maker : makers) {
        auto package = open_package(file_of(maker.conda()), maker.dist() + ".conda");
        EXPECT_THAT(package, Succeeds());
        packages.push_back(std::move(*package));
    }
    return packages;
}

Result<BuiltEnvironment> environment_of(
    const std::vector<PackageMaker>& makers, const std::string& prefix = "/opt/env"
) {
    return build_environment(open_all(makers), prefix);
}

LayerEntries layer_of(const PackageMaker& maker, const std::string& prefix = "/opt/env") {
    const auto environment = environment_of({maker}, prefix);
    EXPECT_THAT(environment, Succeeds());
    return environment ? entries_of(environment->layers.front()) : LayerEntries{};
}

std::vector<std::string> paths_of(const LayerEntries& entries) {
    std::vector<std::string> paths;
    for (const auto& [path, entry] : entries) {
        paths.push_back(path);
    }
    return paths;
}

TEST(PackageLayer, HoldsThePrefixAndWhatIsBelowItOnly) {
    const LayerEntries entries = layer_of(PackageMaker("demo")
                                              .file("bin/tool", "x", 0755)
                                              .directory("var/empty")
                                              .symlink("lib/l", "m"));

    EXPECT_THAT(
        paths_of(entries),
        ElementsAre(
            "opt/env",
            "opt/env/bin",
            "opt/env/bin/tool",
            "opt/env/lib",
            "opt/env/lib/l",
            "opt/env/var",
            "opt/env/var/empty"
        )
    );
    EXPECT_EQ(entries.at("opt/env").entry.mode, 0755U);
    EXPECT_EQ(entries.at("opt/env/var/empty").entry.mode, 0755U);
    EXPECT_EQ(entries.at("opt/env/lib/l").entry.link, "m");
}

TEST(PackageLayer, ModesAreNormalisedAndOwnersDropped) {
    tar::TarEntry odd;
    odd.path = "bin/suid";
    odd.mode = 04711;
    odd.uid = 1000;
    odd.gid = 1000;
    odd.mtime = 1'500'000'000;
    const LayerEntries entries =
        layer_of(PackageMaker("demo").member(odd, "x", "hardlink").file("etc/conf", "y", 0600));

    EXPECT_EQ(entries.at("opt/env/bin/suid").entry.mode, 0755U);
    EXPECT_EQ(entries.at("opt/env/bin/suid").entry.uid, 0U);
    EXPECT_EQ(entries.at("opt/env/etc/conf").entry.mode, 0644U);
}

TEST(PackageLayer, TimesStayButForWhatIsChanged) {
    const LayerEntries entries = layer_of(
        PackageMaker("demo").file("lib/a.py", "a").file("lib/b.py", k_placeholder, {k_placeholder})
    );

    EXPECT_EQ(entries.at("opt/env/lib/a.py").entry.mtime, 1'600'000'000);
    EXPECT_EQ(entries.at("opt/env/lib/b.py").entry.mtime, k_made_mtime);
    EXPECT_EQ(entries.at("opt/env/lib").entry.mtime, k_made_mtime);
}

TEST(PackageLayer, PrefixesAreReplacedInTextAndBinary) {
    const std::string binary =
        "\x7f" + k_placeholder + "/lib:" + k_placeholder + std::string(1, '\0') + "end";
    const LayerEntries entries =
        layer_of(PackageMaker("demo")
                     .file("t", "p=" + k_placeholder + "\n", {k_placeholder})
                     .file("b", binary, {k_placeholder, "binary"})
                     .file("untouched", k_placeholder));

    EXPECT_EQ(entries.at("opt/env/t").content, "p=/opt/env\n");
    EXPECT_EQ(entries.at("opt/env/b").content.size(), binary.size());
    EXPECT_THAT(
        entries.at("opt/env/b").content, HasSubstr("/opt/env/lib:/opt/env" + std::string(144, '\0'))
    );
    EXPECT_EQ(entries.at("opt/env/untouched").content, k_placeholder);
}

TEST(PackageLayer, APrefixTooLongNamesPackageFileAndBytes) {
    const std::string prefix = "/" + std::string(80, 'q');
    EXPECT_THAT(
        environment_of(
            {PackageMaker("demo").file("lib/x.so", "x", {k_placeholder, "binary"})}, prefix
        ),
        FailsSaying(
            Code::invalid_input, "has 81 bytes; lib/x.so in demo-1.0-0.conda has room for 80"
        )
    );
    EXPECT_THAT(
        environment_of({PackageMaker("demo").file("x", "x", {k_placeholder})}, prefix), Succeeds()
    );
}

TEST(PackageLayer, WhatTheManifestDoesNotNameIsNotInstalled) {
    tar::TarEntry extra;
    extra.path = "bin/extra";
    EXPECT_THAT(
        paths_of(layer_of(PackageMaker("demo").member(extra, "x", "").file("a", "a"))),
        ElementsAre("opt/env", "opt/env/a")
    );
}

TEST(PackageLayer, WhatTheManifestNamesMustBeThere) {
    EXPECT_THAT(
        environment_of({PackageMaker("demo").listed("lib/gone")}),
        FailsSaying(Code::corrupt, "names lib/gone")
    );
}

TEST(PackageLayer, HardLinksComeOutAsCopiesOfTheirOwn) {
    tar::TarEntry link;
    link.path = "bin/b";
    link.type = tar::EntryType::hardlink;
    link.link = "bin/a";
    const LayerEntries entries =
        layer_of(PackageMaker("demo").file("bin/a", "tool", 0755).member(link, "", "hardlink"));

    EXPECT_EQ(entries.at("opt/env/bin/b").entry.type, tar::EntryType::file);
    EXPECT_EQ(entries.at("opt/env/bin/b").content, "tool");
    EXPECT_EQ(entries.at("opt/env/bin/b").entry.mode, 0755U);
}

TEST(PackageLayer, HostileMembersAreRefusedByName) {
    tar::TarEntry device;
    device.path = "dev/null";
    device.type = tar::EntryType::char_device;
    EXPECT_THAT(
        environment_of({PackageMaker("demo").member(device, "", "hardlink")}),
        FailsSaying(Code::invalid_input, "dev/null is a device")
    );
    tar::TarEntry dangling;
    dangling.path = "bin/b";
    dangling.type = tar::EntryType::hardlink;
    dangling.link = "etc/passwd";
    EXPECT_THAT(
        environment_of({PackageMaker("demo").member(dangling, "", "hardlink")}),
        FailsSaying(Code::corrupt, "bin/b is a hard link to etc/passwd")
    );
    EXPECT_THAT(
        environment_of({PackageMaker("demo").symlink("lib", "/etc").file("lib/passwd", "x")}),
        FailsSaying(Code::corrupt, "lib/passwd lies below lib")
    );
}

TEST(PackageLayer, NoarchPythonGoesWherePythonSays) {
    const PackageMaker python =
        PackageMaker("python", "3.11.4").file("bin/python3.11", "elf", 0755);
    const PackageMaker hello =
        PackageMaker("hello")
            .noarch("python")
            .entry_point("hello = hello.cli:main")
            .file("site-packages/hello/cli.py", "def main(): pass")
            .file("python-scripts/old", "#!" + k_placeholder + "/bin/python\n", {k_placeholder})
            .file("share/x", "x");

    const auto environment = environment_of({hello, python});

    ASSERT_THAT(environment, Succeeds());
    EXPECT_EQ(environment->plan.packages[1].layer.python_minor, "3.11");
    const LayerEntries entries = entries_of(environment->layers[1]);
    EXPECT_TRUE(entries.contains("opt/env/lib/python3.11/site-packages/hello/cli.py"));
    EXPECT_EQ(entries.at("opt/env/bin/old").content, "#!/opt/env/bin/python\n");
    EXPECT_TRUE(entries.contains("opt/env/share/x"));
    EXPECT_EQ(entries.at("opt/env/bin/hello").entry.mode, 0755U);
    EXPECT_THAT(
        entries.at("opt/env/bin/hello").content,
        ::testing::StartsWith("#!/opt/env/bin/python3.11\n# -*- coding")
    );
}

TEST(PackageLayer, SitePackagesMayBeElsewhereButNotOutside) {
    const PackageMaker hello =
        PackageMaker("hello").noarch("python").file("site-packages/h.py", "");
    const auto threaded = environment_of(
        {PackageMaker("python", "3.13.0").site_packages("lib/python3.13t/site-packages"), hello}
    );
    ASSERT_THAT(threaded, Succeeds());
    EXPECT_TRUE(
        entries_of(threaded->layers[1]).contains("opt/env/lib/python3.13t/site-packages/h.py")
    );
    EXPECT_THAT(
        environment_of({PackageMaker("python", "3.13.0").site_packages("../../x"), hello}),
        FailsSaying(Code::corrupt, "outside the prefix")
    );
    EXPECT_THAT(
        environment_of({hello}), FailsSaying(Code::invalid_input, "the environment has no python")
    );
}

TEST(PackageLayer, BothFormatsAndAnyPlaceOfTheScratchGiveTheSameLayer) {
    const PackageMaker maker =
        PackageMaker("demo").file("bin/z", "z").file("a", "p" + k_placeholder, {k_placeholder});
    auto conda = open_package(file_of(maker.conda()), "demo-1.0-0.conda");
    auto old = open_package(file_of(maker.tar_v1()), "demo-1.0-0.tar.bz2");
    ASSERT_THAT(conda, Succeeds());
    ASSERT_THAT(old, Succeeds());
    const auto plan = plan_environment({conda->described}, {.prefix = "/opt/env"});
    ASSERT_THAT(plan, Succeeds());

    const auto from_conda = build_package_layer(conda->fd, plan->packages[0], Compression::zstd);
    const auto from_old = build_package_layer(old->fd, plan->packages[0], Compression::zstd);

    ASSERT_THAT(from_conda, Succeeds());
    ASSERT_THAT(from_old, Succeeds());
    EXPECT_EQ(from_conda->blob, from_old->blob);
    EXPECT_EQ(from_conda->built.layer.diff_id, from_old->built.layer.diff_id);
}

TEST(PackageLayer, ALayerDependsOnItsIngredientsOnly) {
    const PackageMaker demo = PackageMaker("demo").file("bin/tool", "x");
    const auto alone = environment_of({demo});
    const auto other = environment_of({PackageMaker("other").file("bin/more", "y"), demo});
    ASSERT_THAT(alone, Succeeds());
    ASSERT_THAT(other, Succeeds());

    EXPECT_EQ(alone->plan.packages[0].layer, other->plan.packages[1].layer);
    EXPECT_EQ(alone->layers[0].built.layer.diff_id, other->layers[1].built.layer.diff_id);
    EXPECT_EQ(alone->plan.packages[0].layer.layer_key(), other->plan.packages[1].layer.layer_key());
}

}  // namespace
}  // namespace kiln::conda
