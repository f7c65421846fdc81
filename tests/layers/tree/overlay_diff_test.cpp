#include "layers/tree/overlay_diff.hpp"

#include "layers/tree/diff.hpp"
#include "layers/tree/xattrs.hpp"
#include "tests/layers/tree/disk.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace kiln::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tree::OverlayDiffOptions;
using Names = std::vector<std::string>;

constexpr UnixSeconds k_start = 1'000'000'000;

OverlayDiffOptions fixed_times() {
    OverlayDiffOptions options;
    options.step_start = k_start;
    return options;
}

/// An upper directory written by hand, as overlayfs would.
struct Upper {
    TempDirectory root;

    Upper() { directory(""); }

    void file(const std::string& path, const std::string& content = "new", time_t mtime = 5) {
        root.write(path, content);
        touch(path, mtime);
    }

    void touch(const std::string& path, time_t mtime) {
        const std::array<timespec, 2> times{timespec{mtime, 0}, timespec{mtime, 0}};
        ASSERT_EQ(
            ::utimensat(AT_FDCWD, root.path(path).c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0
        );
    }

    void directory(const std::string& path, time_t mtime = 0, mode_t mode = 0755) {
        std::filesystem::create_directories(root.path(path));
        ASSERT_EQ(::chmod(root.path(path).c_str(), mode), 0);
        touch(path, mtime);
    }

    void whiteout(const std::string& path) {
        ASSERT_EQ(::mknod(root.path(path).c_str(), S_IFCHR, makedev(0, 0)), 0)
            << std::strerror(errno);
    }

    bool set(const std::string& path, const char* name, const std::string& value) {
        return ::lsetxattr(root.path(path).c_str(), name, value.data(), value.size(), 0) == 0;
    }

    Names changes(const SampleLayer& lower, const OverlayDiffOptions& options = fixed_times()) {
        const auto result = changes_in(root.path(), tree_of({lower}), options);
        EXPECT_THAT(result, Succeeds());
        return result ? result->names() : Names{};
    }
};

TEST(OverlayDiff, AnEmptyUpperChangesNothing) {
    Upper upper;

    EXPECT_THAT(upper.changes(layer({directory("d"), file("d/a")})), IsEmpty());
}

TEST(OverlayDiff, AWrittenFileComesWithItsParents) {
    Upper upper;
    upper.file("d/e/a");
    upper.directory("d/e");
    upper.directory("d");

    EXPECT_THAT(
        upper.changes(layer({directory("d"), directory("d/e")})), ElementsAre("d", "d/e", "d/e/a")
    );
}

TEST(OverlayDiff, AWhiteoutCountsOnlyForWhatExistsBelow) {
    Upper upper;
    upper.whiteout("-a");
    upper.whiteout("b");

    EXPECT_THAT(upper.changes(layer({file("-a")})), ElementsAre(".wh.-a"));
}

TEST(OverlayDiff, AnOpaqueDirectoryNamesWhatItHides) {
    Upper upper;
    upper.directory("d/sub");
    upper.file("d/sub/kept");
    if (!upper.set("d", "user.overlay.opaque", "y")) {
        GTEST_SKIP() << "no user xattrs on this file system";
    }
    const SampleLayer lower = layer(
        {directory("d"),
         file("d/a"),
         file("d/z"),
         directory("d/sub"),
         file("d/sub/kept"),
         file("d/sub/gone"),
         directory("d/tree"),
         file("d/tree/x")}
    );

    EXPECT_THAT(
        upper.changes(lower),
        ElementsAre(
            "d", "d/.wh.a", "d/.wh.tree", "d/.wh.z", "d/sub", "d/sub/.wh.gone", "d/sub/kept"
        )
    );
}

TEST(OverlayDiff, ADirectoryThatOnlyHeldSomethingIsUnchangedAndGetsItsTimeBack) {
    Upper upper;
    upper.directory("tmp", k_start + 5);
    SampleLayer lower = layer({directory("tmp")});
    lower.at("tmp").entry.mtime = 77;

    EXPECT_THAT(upper.changes(lower), IsEmpty());

    struct stat facts {};

    ASSERT_EQ(::stat(upper.root.path("tmp").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mtim.tv_sec, 77);
}

TEST(OverlayDiff, ADirectorysModeOwnerOrDeliberateTimeIsAChange) {
    Upper mode;
    mode.directory("d", 0, 0700);
    EXPECT_THAT(mode.changes(layer({directory("d")})), ElementsAre("d"));

    Upper time;
    time.directory("d", 42);
    EXPECT_THAT(time.changes(layer({directory("d")})), ElementsAre("d"));
}

TEST(OverlayDiff, TimesOfTheStepBecomeTheEpochOnDiskToo) {
    Upper upper;
    upper.file("new", "x", k_start);
    upper.file("old", "x", k_start - 1);
    std::filesystem::create_symlink("x", upper.root.path("link"));

    const auto changes = changes_in(upper.root.path(), tree_of({}), fixed_times());

    ASSERT_THAT(changes, Succeeds());
    EXPECT_EQ(changes->at("new").entry.mtime, k_default_epoch);
    EXPECT_EQ(changes->at("link").entry.mtime, k_default_epoch);
    EXPECT_EQ(changes->at("old").entry.mtime, k_start - 1);

    struct stat facts {};

    ASSERT_EQ(::lstat(upper.root.path("link").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mtim.tv_sec, k_default_epoch);
    EXPECT_EQ(facts.st_mtim.tv_nsec, 0);
}

TEST(OverlayDiff, TimesMayStay) {
    Upper upper;
    upper.file("new", "x", k_start + 9);

    const auto changes = changes_in(upper.root.path(), tree_of({}));

    EXPECT_EQ(changes->at("new").entry.mtime, k_start + 9);
}

TEST(OverlayDiff, AFileCopiedUpButNotChangedIsLeftOut) {
    Upper upper;
    upper.file("same", "text", 7);
    upper.file("differs", "TEXT", 7);
    SampleLayer lower = layer({file("same", "text"), file("differs", "text")});
    for (auto& [path, sample] : lower) {
        sample.entry.mtime = 7;
        sample.entry.uid = ::geteuid();
        sample.entry.gid = ::getegid();
    }

    EXPECT_THAT(upper.changes(lower), ElementsAre("differs"));
}

TEST(OverlayDiff, HardLinksPointAtTheirFirstName) {
    Upper upper;
    upper.file("d/b", "x");
    std::filesystem::create_hard_link(upper.root.path("d/b"), upper.root.path("c"));
    std::filesystem::create_hard_link(upper.root.path("d/b"), upper.root.path("d/a"));

    EXPECT_THAT(upper.changes({}), ElementsAre("c", "d", "d/a = c", "d/b = c"));
}

TEST(OverlayDiff, MountStubsAndTheDirectoriesMadeForThemAreLeftOut) {
    Upper upper;
    upper.file("etc/resolv.conf", "");
    upper.directory("proc", 0);
    upper.directory("etc", k_start + 1);
    OverlayDiffOptions options = fixed_times();
    options.ignored = {"etc/resolv.conf", "proc", "sys"};

    EXPECT_THAT(upper.changes({}, options), IsEmpty());
    upper.directory("etc", k_start + 1);
    EXPECT_THAT(upper.changes(layer({directory("etc")}), options), IsEmpty());

    upper.file("etc/passwd");
    EXPECT_THAT(upper.changes({}, options), ElementsAre("etc", "etc/passwd"));
}

TEST(OverlayDiff, SocketsAreSkippedWithANoticeAndGoFromTheDisk) {
    Upper upper;
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = upper.root.path("sock");
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(fd);

    const auto changes = changes_in(upper.root.path(), tree_of({layer({file("sock")})}));

    ASSERT_THAT(changes, Succeeds());
    EXPECT_THAT(changes->report.sockets, ElementsAre("sock"));
    EXPECT_THAT(changes->names(), ElementsAre(".wh.sock"));

    struct stat facts {};

    ASSERT_EQ(::lstat(path.c_str(), &facts), 0);
    EXPECT_TRUE(S_ISCHR(facts.st_mode));
}

TEST(OverlayDiff, UserAttributesAreKeptAndOverlaysOwnAreNot) {
    Upper upper;
    upper.file("a");
    if (!upper.set("a", "user.note", "v") || !upper.set("a", "user.overlay.origin", "o")) {
        GTEST_SKIP() << "no user xattrs on this file system";
    }

    const auto changes = changes_in(upper.root.path(), tree_of({}));

    EXPECT_THAT(
        changes->at("a").entry.xattrs,
        ElementsAre(std::pair<const std::string, std::string>("user.note", "v"))
    );
}

TEST(OverlayDiff, ARedirectedDirectoryIsRefused) {
    Upper upper;
    upper.directory("d");
    if (!upper.set("d", "user.overlay.redirect", "/e")) {
        GTEST_SKIP() << "no user xattrs on this file system";
    }

    EXPECT_THAT(
        changes_in(upper.root.path(), tree_of({})),
        FailsSaying(Code::unsupported, "redirect_dir=off")
    );
}

TEST(OverlayDiff, AFileNamedLikeAWhiteoutIsRefused) {
    Upper upper;
    upper.file(".wh.a");

    EXPECT_THAT(changes_in(upper.root.path(), tree_of({})), FailsWith(Code::unsupported));
}

TEST(Xattrs, ACapabilityOfTheNamespacesRootBecomesOneOfAnyRoot) {
    const std::string v2("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    std::string v3 = v2 + std::string("\xa0\x86\x01\0", 4);  // root is 100000
    v3[3] = 3;

    EXPECT_EQ(tree::untie_capability(v3, 100000), v2);
    EXPECT_EQ(tree::untie_capability(v3, 0), v3);
    EXPECT_EQ(tree::untie_capability(v2, 0), v2);
}

RC_GTEST_PROP(OverlayDiffLaw, ReadsBackTheDiffOfTwoTreesFromAnUpperDirectory, ()) {
    const SampleTree first = *arbitrary_tree();
    const SampleTree second = *arbitrary_successor(first);
    const auto before = tree_of({first});
    const auto after = tree_of({second});
    const auto expected = with_contents(tree::diff(before, after), {second});
    Upper upper;
    const TempDirectory& root = upper.root;

    const auto report = unpack(expected, root.path(), {.whiteouts = tree::Whiteouts::overlay});
    RC_ASSERT(report.has_value());
    const auto changes = changes_in(root.path(), before);

    RC_ASSERT(changes.has_value());
    RC_ASSERT(changes->files.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        RC_ASSERT(changes->files[i].entry == expected[i].entry);
        RC_ASSERT(changes->files[i].content == expected[i].content);
    }
}

}  // namespace
}  // namespace kiln
