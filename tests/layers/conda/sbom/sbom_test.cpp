#include "layers/conda/sbom/cyclonedx.hpp"
#include "layers/conda/sbom/license_expression.hpp"
#include "layers/conda/sbom/spdx.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::expect_golden;
using ::kiln::testing::Succeeds;
using ::testing::Eq;
using ::testing::Optional;

InstalledPackage licensed_package(std::string name, std::string version, std::string license) {
    InstalledPackage package;
    package.name = std::move(name);
    package.version = std::move(version);
    package.build = "py311h1_0";
    package.subdir = "linux-64";
    package.channel = "https://conda.example/conda-forge";
    package.file_name = package.dist() + ".conda";
    package.url = package.channel + "/linux-64/" + package.file_name;
    package.md5 = std::string(32, '1');
    package.sha256 = std::string(64, '2');
    package.license = std::move(license);
    return package;
}

InstalledPackage pip_package(std::string name, std::string version) {
    InstalledPackage package;
    package.manager = PackageManager::pip;
    package.name = std::move(name);
    package.version = std::move(version);
    package.build = k_pip_build;
    package.channel = k_pip_channel;
    return package;
}

SbomSubject subject() {
    InstalledPackage numpy = licensed_package("numpy", "1.26.4", "BSD-3-Clause");
    numpy.depends = {"python >=3.11,<3.12", "libblas", "_absent", "python"};
    InstalledPackage odd = licensed_package("_odd_name", "1!2.0+local", "BSD Like");
    odd.url.clear();
    odd.md5.clear();
    odd.channel.clear();
    InstalledPackage flask = pip_package("flask", "3.0");
    flask.depends = {"numpy", "werkzeug", "absent"};
    DebianPackages system{"debian", "12", {}};
    system.packages = {
        {"libc6", "2.36-9+deb12u7", "amd64", "glibc", "2.36-9+deb12u7", {{"libgcc-s1"}}},
        {"libgcc-s1", "12.2.0-14", "amd64", "gcc-12", "12.2.0-14", {{"absent", "libc6"}}}};
    return {
        .name = "registry.example/team/app:1",
        .digest = digest_of("the manifest"),
        .created = k_default_epoch,
        .environments =
            {{.prefix = "/opt/env",
              .packages =
                  {odd,
                   flask,
                   numpy,
                   licensed_package("python", "3.11.4", "Python-2.0"),
                   pip_package("werkzeug", "3.0.1"),
                   pip_package("werkzeug", "3.0.1")}},
             {.prefix = "/opt/other", .packages = {licensed_package("python", "3.11.4", "")}}},
        .system = system};
}

TEST(Sbom, SpdxIsWhatItWas) {
    expect_golden("conda/sbom/spdx.json", render_spdx(subject()));
}

TEST(Sbom, CycloneDxIsWhatItWas) {
    expect_golden("conda/sbom/cyclonedx.json", render_cyclonedx(subject()));
}

TEST(Sbom, SpdxReferencesAreUniqueAndLeadSomewhere) {
    const auto document = json::parse(render_spdx(subject()), "the document");
    ASSERT_THAT(document, Succeeds());
    std::set<std::string> ids = {"SPDXRef-DOCUMENT"};
    for (const json::Value& each : document->at("packages").as_array()) {
        const std::string id(each.at("SPDXID").as_string());
        EXPECT_TRUE(ids.insert(id).second) << id;
        EXPECT_EQ(
            id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789.-"),
            std::string::npos
        ) << id;
    }
    for (const json::Value& each : document->at("relationships").as_array()) {
        EXPECT_TRUE(ids.contains(std::string(each.at("spdxElementId").as_string())));
        EXPECT_TRUE(ids.contains(std::string(each.at("relatedSpdxElement").as_string())));
    }
}

TEST(Sbom, CycloneDxReferencesAreUniqueAndLeadSomewhere) {
    const auto document = json::parse(render_cyclonedx(subject()), "the document");
    ASSERT_THAT(document, Succeeds());
    std::set<std::string> refs = {subject().digest.render()};
    for (const json::Value& each : document->at("components").as_array()) {
        EXPECT_TRUE(refs.insert(std::string(each.at("bom-ref").as_string())).second);
    }
    std::set<std::string> described;
    for (const json::Value& each : document->at("dependencies").as_array()) {
        EXPECT_TRUE(described.insert(std::string(each.at("ref").as_string())).second);
        for (const json::Value& needed : each.at("dependsOn").as_array()) {
            EXPECT_TRUE(refs.contains(std::string(needed.as_string())));
        }
    }
    EXPECT_EQ(described, refs);
}

TEST(Sbom, AnImageWithoutEnvironmentsIsAnImage) {
    SbomSubject bare = subject();
    bare.environments.clear();
    bare.system = {};
    EXPECT_THAT(json::parse(render_spdx(bare), "spdx"), Succeeds());
    EXPECT_THAT(json::parse(render_cyclonedx(bare), "cyclonedx"), Succeeds());
}

TEST(PackageUrl, NamesBuildChannelAndSubdir) {
    EXPECT_EQ(
        package_url(licensed_package("numpy", "1.26.4", "")),
        "pkg:conda/numpy@1.26.4?build=py311h1_0&channel=conda-forge&subdir=linux-64&type=conda"
    );
    InstalledPackage other = licensed_package("a", "1!2+x", "");
    other.file_name = "a.tar.bz2";
    other.channel = "https://repo.example/pkgs/main/linux-64/";
    other.build.clear();
    EXPECT_EQ(
        package_url(other), "pkg:conda/a@1%212%2Bx?channel=main&subdir=linux-64&type=tar.bz2"
    );
}

TEST(PackageUrl, OfPipAndDpkgAreWhatScannersKnow) {
    const SbomSubject about = subject();
    EXPECT_EQ(package_url(pip_package("flask", "3.0+cpu")), "pkg:pypi/flask@3.0%2Bcpu");
    EXPECT_EQ(
        package_url(about.system.packages.front(), about.system),
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u7?arch=amd64&distro=debian-12"
    );
    EXPECT_EQ(package_url(DebianPackage{"a", "1"}, {}), "pkg:deb/debian/a@1");
}

TEST(LicenseExpression, IsSpdxOrNothing) {
    EXPECT_THAT(spdx_expression("MIT"), Optional(Eq("MIT")));
    EXPECT_THAT(spdx_expression("mit"), Optional(Eq("MIT")));
    EXPECT_THAT(
        spdx_expression("GPL-3.0-only with GCC-exception-3.1"),
        Optional(Eq("GPL-3.0-only WITH GCC-exception-3.1"))
    );
    EXPECT_THAT(
        spdx_expression("(MIT or Apache-2.0)  AND bsd-3-clause"),
        Optional(Eq("(MIT OR Apache-2.0) AND BSD-3-Clause"))
    );
    EXPECT_THAT(spdx_expression("GPL-2.0+"), Optional(Eq("GPL-2.0+")));
    for (const std::string text :
         {"", "BSD Like", "MIT AND", "(MIT", "MIT)", "MIT WITH", "AND", "Proprietary", "MIT/X"}) {
        EXPECT_EQ(spdx_expression(text), std::nullopt) << text;
    }
    EXPECT_EQ(spdx_expression(std::string(100, '(') + "MIT" + std::string(100, ')')), std::nullopt);
}

}  // namespace
}  // namespace kiln::conda
