// The kernel's own overlay as judge: what a mount shows of unpacked layers, and what it leaves in
// an upper directory. The cases are those of BuildKit's util/overlay/overlay_linux_test.go.

#include "tests/layers/tree/disk.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace kiln::testing;
namespace fs = std::filesystem;

constexpr UnixSeconds k_mounted = 1'000'000'000;

struct StepCase {
    std::string name;
    SampleLayer lower;
    std::function<void(const fs::path&)> step;
    std::vector<std::string> changes;
};

void write(const fs::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
}

void set_time(const fs::path& path, time_t mtime) {
    const std::array<timespec, 2> times{timespec{mtime, 0}, timespec{mtime, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0);
}

std::vector<StepCase> changes_and_removals() {
    return {
        {"Simple",
         layer(
             {directory("etc"),
              file("etc/hosts", "mydomain 10.0.0.1"),
              file("etc/profile"),
              directory("root"),
              file("root/.bashrc")}
         ),
         [](const fs::path& root) {
             write(root / "etc/hosts", "mydomain 10.0.0.120");
             fs::remove(root / "root/.bashrc");
             fs::create_directory(root / "etc/new.d");
             write(root / "etc/new.d/a", "");
         },
         {"etc", "etc/hosts", "etc/new.d", "etc/new.d/a", "root", "root/.wh..bashrc"}},
        {"Rename",
         layer({directory("d1"), file("d1/f", "x"), file("d1/g", "y")}),
         [](const fs::path& root) {
             fs::copy(root / "d1", root / "d2", fs::copy_options::recursive);
             fs::remove_all(root / "d1");
             fs::rename(root / "d2/g", root / "d2/h");
         },
         {".wh.d1", "d2", "d2/f", "d2/h"}},
        {"EmptyFile",
         layer({file("empty"), file("full", "x")}),
         [](const fs::path& root) {
             write(root / "full", "");
             write(root / "other", "");
         },
         {"full", "other"}},
        {"NestedDeletion",
         layer({directory("a"), directory("a/b"), file("a/b/c"), directory("d"), file("d/e")}),
         [](const fs::path& root) {
             fs::remove_all(root / "a");
             fs::remove_all(root / "d/e");
         },
         {".wh.a", "d", "d/.wh.e"}},
        {"DirectoryReplace",
         layer({directory("d"), file("d/old"), file("d/kept", "1"), directory("d/s"), file("d/s/x")}
         ),
         [](const fs::path& root) {
             fs::remove_all(root / "d");
             fs::create_directory(root / "d");
             write(root / "d/kept", "2");
             fs::create_directory(root / "d/s");
             write(root / "d/s/y", "");
         },
         {"d", "d/.wh.old", "d/kept", "d/s", "d/s/.wh.x", "d/s/y"}},
    };
}

std::vector<StepCase> replacements() {
    return {
        {"RemoveDirectoryTree",
         layer({directory("d"), directory("d/e"), directory("d/e/f"), file("d/e/f/g"), file("k")}),
         [](const fs::path& root) { fs::remove_all(root / "d"); },
         {".wh.d"}},
        {"RemoveDirectoryTreeWithDash",
         layer({directory("d"), file("d/a"), directory("d-foo"), file("d-foo/a")}),
         [](const fs::path& root) { fs::remove_all(root / "d"); },
         {".wh.d"}},
        {"FileReplace",
         layer({file("f", "x"), directory("d"), file("d/a"), symlink("l", "f")}),
         [](const fs::path& root) {
             fs::remove(root / "f");
             fs::create_directory(root / "f");
             write(root / "f/in", "");
             fs::remove_all(root / "d");
             write(root / "d", "now a file");
             fs::remove(root / "l");
             fs::create_directory(root / "l");
         },
         {"d", "f", "f/in", "l"}},
        {"ParentDirectoryPermission",
         layer({directory("d1", 0700), directory("d2", 0751), directory("d3", 01777)}),
         [](const fs::path& root) {
             write(root / "d1/f", "");
             write(root / "d2/f", "");
             write(root / "d3/f", "");
         },
         {"d1", "d1/f", "d2", "d2/f", "d3", "d3/f"}},
        {"UpdateWithSameTime",
         layer({file("same", "text"), file("modified", "text")}),
         [](const fs::path& root) {
             write(root / "same", "text");
             write(root / "modified", "TEXT");
             set_time(root / "same", 0);
             set_time(root / "modified", 0);
         },
         {"modified"}},
        {"Lchtimes",
         layer({directory("d"), symlink("l", "d"), symlink("m", "d")}),
         [](const fs::path& root) { set_time(root / "l", 12345); },
         {"l"}},
        {"LinkToALowerFile",
         layer({file("a", "x"), file("b", "y")}),
         [](const fs::path& root) {
             fs::create_hard_link(root / "a", root / "z");
             fs::create_hard_link(root / "b", root / "y");
             fs::remove(root / "y");
         },
         {"a", "z = a"}},
        {"MadeAndRemovedAgain",
         layer({directory("tmp", 01777)}),
         [](const fs::path& root) {
             fs::create_directories(root / "tmp/a/b");
             fs::remove_all(root / "tmp/a");
         },
         {}},
    };
}

class OverlayStep : public ::testing::TestWithParam<StepCase> {};

TEST_P(OverlayStep, LeavesTheseChanges) {
    const StepCase& step = GetParam();
    TempDirectory root;
    for (const char* name : {"lower", "upper", "work", "merged"}) {
        fs::create_directory(root.path(name));
    }
    ASSERT_EQ(::chmod(root.path("lower").c_str(), 0755), 0);
    ASSERT_EQ(::chmod(root.path("upper").c_str(), 0755), 0);
    std::vector<SampleFile> files;
    for (const auto& [path, file] : step.lower) {
        files.push_back(file);
    }
    ASSERT_THAT(unpack(files, root.path("lower")), Succeeds());
    OverlayMount mount(
        {root.path("lower")}, root.path("upper"), root.path("work"), root.path("merged")
    );
    if (!mount.problem().empty()) {
        GTEST_SKIP() << mount.problem();
    }

    tree::OverlayDiffOptions options;
    options.step_start = k_mounted;
    step.step(root.path("merged"));
    const auto after = tree_on_disk(root.path("merged"));
    mount.unmount();
    const auto changes = changes_in(root.path("upper"), tree_of({step.lower}), options);

    ASSERT_THAT(changes, Succeeds());
    EXPECT_EQ(changes->names(), step.changes);
    std::vector<std::string> merged;
    for (const tree::Node& node : tree_of({step.lower, changes->layer()}).walk("")) {
        merged.push_back(node.row.entry.path + " " + node.row.content.hex());
    }
    std::vector<std::string> seen;
    for (const tree::Node& node : after.walk("")) {
        seen.push_back(node.row.entry.path + " " + node.row.content.hex());
    }
    EXPECT_EQ(merged, seen);
}

std::string name_of_case(const ::testing::TestParamInfo<StepCase>& step) {
    return step.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    BuildKit, OverlayStep, ::testing::ValuesIn(changes_and_removals()), name_of_case
);
INSTANTIATE_TEST_SUITE_P(
    BuildKitMore, OverlayStep, ::testing::ValuesIn(replacements()), name_of_case
);

TEST(OverlayMount, ShowsUnpackedLayersAsTheMergedTree) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root may mount";
    }
    std::string problem;
    const bool agreed = rc::check([&] {
        std::vector<SampleLayer> layers = {*arbitrary_tree()};
        for (int count = *rc::gen::inRange(1, 4); count > 0; --count) {
            layers.push_back(*arbitrary_layer());
        }
        TempDirectory root;
        std::vector<std::string> directories;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const std::vector<SampleLayer> lower(
                layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(i)
            );
            BelowTree below(tree_of(lower), lower);
            directories.insert(directories.begin(), root.path(std::to_string(i)));
            fs::create_directory(directories.front());
            // Links last: the tables sort them before their files at times.
            std::vector<SampleFile> files = {directory("")};
            for (const bool links : {false, true}) {
                for (const auto& [path, file] : layers[i]) {
                    if ((file.entry.type == tar::EntryType::hardlink) == links) {
                        files.push_back(file);
                    }
                }
            }
            const auto report = unpack(
                files, directories.front(), {.whiteouts = tree::Whiteouts::overlay, .below = &below}
            );
            RC_ASSERT(report.has_value());
        }
        fs::create_directory(root.path("merged"));
        const OverlayMount mount(directories, "", "", root.path("merged"));
        if (!mount.problem().empty()) {
            problem = mount.problem();
            return;
        }
        RC_ASSERT(listing(tree_on_disk(root.path("merged"))) == listing(tree_of(layers)));
    });

    if (!problem.empty()) {
        GTEST_SKIP() << problem;
    }
    EXPECT_TRUE(agreed);
}

}  // namespace
}  // namespace kiln
