#include "layers/conda/installed/debian_packages.hpp"

#include "layers/conda/installed/debian_version.hpp"
#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::InstalledImage;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* k_status = R"(Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u7
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~)
Description: GNU C Library
 Contains the standard libraries.
 .
 More.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Source: adduser-src (3.134)
Version: 3.134+b1
Pre-Depends: passwd
Depends: debconf (>= 0.5) | debconf-2.0, python3:any
)";

TEST(DpkgStatus, NamesWhatIsInstalled) {
    const auto packages = read_dpkg_status(k_status);

    ASSERT_THAT(packages, Succeeds());
    EXPECT_THAT(
        *packages,
        ElementsAre(
            DebianPackage{
                "adduser",
                "3.134+b1",
                "all",
                "adduser-src",
                "3.134",
                {{"passwd"}, {"debconf", "debconf-2.0"}, {"python3"}}},
            DebianPackage{
                "libc6",
                "2.36-9+deb12u7",
                "amd64",
                "glibc",
                "2.36-9+deb12u7",
                {{"libgcc-s1"}, {"libcrypt1"}}}
        )
    );
}

TEST(DebianPackages, AreReadOfAnImageWithItsDistribution) {
    InstalledImage image;
    image.add_files(
        {{"var/lib/dpkg/status", k_status},
         {"etc/os-release", "PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n"}}
    );

    const auto found = read_debian_packages(image.tree(), image.read());

    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(found->distribution, "debian");
    EXPECT_EQ(found->release, "12");
    EXPECT_THAT(found->packages, SizeIs(2));
    EXPECT_THAT(
        read_debian_packages(InstalledImage().add_files({{"a", ""}}).tree(), image.read()).value(),
        DebianPackages()
    );
}

TEST(DebianPackages, OfImagesWithoutDpkgLieInFilesOfTheirOwn) {
    InstalledImage image;
    image.add_files(
        {{"var/lib/dpkg/status.d/base-files", "Package: base-files\nVersion: 12.4\n"},
         {"var/lib/dpkg/status.d/base-files.md5sums", "Package: no\nVersion: 1\n"},
         {"var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\n"}}
    );

    const auto found = read_debian_packages(image.tree(), image.read());

    ASSERT_THAT(found, Succeeds());
    ASSERT_THAT(found->packages, SizeIs(2));
    EXPECT_EQ(found->packages[0].name, "base-files");
    EXPECT_EQ(found->packages[1].version, "2024a");
}

TEST(DebianVersion, HasTheOrderOfItsManual) {
    // Each before the next; the last two are equal.
    const std::vector<std::string> ordered = {
        "1.0~~",
        "1.0~~a",
        "1.0~rc1-1",
        "1.0",
        "1.0-1",
        "1.0-1+b1",
        "1.0-1+deb12u2",
        "1.0-1+deb12u10",
        "1.0a",
        "1.0+git",
        "1.9",
        "1.10",
        "2.0",
        "1:0.1"};
    for (std::size_t i = 0; i < ordered.size(); ++i) {
        for (std::size_t j = 0; j < ordered.size(); ++j) {
            EXPECT_EQ(compare_debian_versions(ordered[i], ordered[j]), i <=> j)
                << ordered[i] << " and " << ordered[j];
        }
    }
    EXPECT_EQ(compare_debian_versions("0:1.0-0", "1.00"), std::weak_ordering::equivalent);
    EXPECT_EQ(
        compare_debian_versions("99999999999999999999999", "99999999999999999999998"),
        std::weak_ordering::greater
    );
}

TEST(DebianPackages, ThatDifferAreTold) {
    const DebianPackages before{
        "debian", "12", {{"a", "1", "all"}, {"b", "1.10", "amd64"}, {"c", "1", "all"}}};
    const DebianPackages after{
        "debian", "12", {{"b", "1.9", "amd64"}, {"b", "1", "i386"}, {"c", "1", "all"}}};

    const DebianDifference difference = compare(before, after);

    ASSERT_THAT(difference.changes, SizeIs(3));
    EXPECT_EQ(difference.changes[0].kind, PackageChangeKind::removed);
    EXPECT_EQ(difference.changes[1].kind, PackageChangeKind::downgraded);
    EXPECT_EQ(difference.changes[2].kind, PackageChangeKind::added);
    EXPECT_EQ(difference.unchanged, 1U);
    EXPECT_THAT(compare(before, before).changes, IsEmpty());
}

}  // namespace
}  // namespace kiln::conda
