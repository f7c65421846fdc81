#include "client/render/difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

wire::FileChange added(const std::string& path, const std::string& type = "file") {
    wire::FileChange change{.path = path, .change = "added"};
    change.after = wire::FileSide{.type = type, .size_bytes = type == "file" ? 7U : 0U};
    return change;
}

wire::FileChange of_package(wire::FileChange change) {
    change.package = "numpy";
    return change;
}

wire::Difference with_files(std::vector<wire::FileChange> files) {
    wire::Difference difference;
    difference.environments.push_back(
        {.prefix_before = "/opt/env", .prefix_after = "/opt/env", .unchanged = 3}
    );
    difference.environments[0].packages.push_back(
        {.name = "numpy", .change = "added", .after = wire::PackageSide{"1.26", "0"}}
    );
    difference.files = std::move(files);
    return difference;
}

TEST(Difference, IsNothingWhereNothingDiffers) {
    EXPECT_EQ(render_difference({}, ShowFiles::some), "");
}

TEST(Difference, ADirectoryThatCameIsOneRowUnlessAllIsWanted) {
    const auto difference =
        with_files({added("/srv", "directory"), added("/srv/a"), added("/srv/b"), added("/srv-c")});

    EXPECT_THAT(
        render_difference(difference, ShowFiles::some),
        HasSubstr("added   14 B  /srv/   2 paths\nadded    7 B  /srv-c\n")
    );
    EXPECT_THAT(render_difference(difference, ShowFiles::all), HasSubstr("added    7 B  /srv/b\n"));
}

TEST(Difference, WhatIsThereForPackagesThatDifferAloneIsCountedOnly) {
    const auto difference = with_files(
        {added("/opt", "directory"),
         added("/opt/env", "directory"),
         of_package(added("/opt/env/numpy.so"))}
    );

    const std::string some = render_difference(difference, ShowFiles::some);

    EXPECT_THAT(some, HasSubstr("added   numpy    -       1.26 0\n"));
    EXPECT_THAT(some, HasSubstr("# 3 paths of packages that differ: --all shows them\n"));
    EXPECT_THAT(some, Not(HasSubstr("/opt/\n")));
    EXPECT_THAT(render_difference(difference, ShowFiles::all), HasSubstr("/opt/env/numpy.so"));
}

TEST(Difference, PackagesOfTheSystemHaveATableOfTheirOwn) {
    wire::Difference difference;
    difference.system.unchanged = 87;
    difference.system.packages.push_back(
        {.name = "libc6",
         .change = "upgraded",
         .before = wire::PackageSide{"2.36-9", ""},
         .after = wire::PackageSide{"2.36-10", ""}}
    );

    EXPECT_THAT(
        render_difference(difference, ShowFiles::some),
        HasSubstr("# dpkg: 1 differ, 87 do not\nCHANGE    PACKAGE  BEFORE  AFTER\n"
                  "upgraded  libc6    2.36-9  2.36-10\n")
    );
}

TEST(Difference, NamesOfAnImageDoNotMoveTheCursor) {
    const auto difference = with_files({added("/a\x1b[2Jb")});

    EXPECT_THAT(render_difference(difference, ShowFiles::all), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace kiln::client
