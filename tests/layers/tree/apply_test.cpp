#include "layers/tree/apply.hpp"

#include "tests/layers/tree/disk.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace kiln::testing;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tree::ApplyOptions;
using tree::Whiteouts;

struct stat facts_of(const TempDirectory& root, const std::string& path) {
    const auto facts = stat_at(AT_FDCWD, root.path(path));
    EXPECT_TRUE(facts && *facts) << path;
    return facts && *facts ? **facts : stat_fd(0).value();
}

bool exists(const TempDirectory& root, const std::string& path) {
    const auto facts = stat_at(AT_FDCWD, root.path(path));
    return facts && *facts;
}

bool is_whiteout(const TempDirectory& root, const std::string& path) {
    const struct stat facts = facts_of(root, path);
    return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(0, 0);
}

std::string xattr(const TempDirectory& root, const std::string& path, const char* name) {
    std::string value(256, '\0');
    const ssize_t size = ::lgetxattr(root.path(path).c_str(), name, value.data(), value.size());
    value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return value;
}

/// Something outside that hostile archives aim at.
struct Sentinel {
    TempDirectory outside;
    TempDirectory root;

    Sentinel() { outside.write("passwd", "root", 0600); }

    void expect_untouched() const {
        EXPECT_EQ(outside.read("passwd"), "root");
        EXPECT_EQ(facts_of(outside, "passwd").st_mode & 07777U, 0600U);
        EXPECT_EQ(facts_of(outside, "passwd").st_nlink, 1U);
        EXPECT_THAT(list_directory(open_directory(outside.path())->get()).value(), SizeIs(1));
    }
};

TEST(Apply, GivesFilesTheirContentModeAndTime) {
    TempDirectory root;
    SampleFile script = file("bin/run", "#!/bin/sh\n");
    script.entry.mode = 04755;
    script.entry.mtime = 12345;

    ASSERT_THAT(unpack({directory("bin"), script}, root.path()), Succeeds());

    EXPECT_EQ(root.read("bin/run"), "#!/bin/sh\n");
    EXPECT_EQ(facts_of(root, "bin/run").st_mode & 07777U, 04755U);
    EXPECT_EQ(facts_of(root, "bin/run").st_mtim.tv_sec, 12345);
}

TEST(Apply, DirectoriesKeepTheirTimesWhateverIsWrittenIntoThem) {
    TempDirectory root;
    SampleFile dir = directory("d");
    dir.entry.mtime = 99;

    ASSERT_THAT(
        unpack({dir, file("d/a"), directory("d/e"), file("d/e/b")}, root.path()), Succeeds()
    );
    EXPECT_EQ(facts_of(root, "d").st_mtim.tv_sec, 99);

    ASSERT_THAT(unpack({file("d/later")}, root.path()), Succeeds());
    EXPECT_EQ(facts_of(root, "d").st_mtim.tv_sec, 99);
}

TEST(Apply, TheLastOfSeveralEntriesWins) {
    TempDirectory root;

    ASSERT_THAT(
        unpack(
            {file("a", "1"),
             directory("a"),
             file("a/b"),
             symlink("a", "x"),
             file("a", "last"),
             file("c"),
             file("c/d", "below")},
            root.path()
        ),
        Succeeds()
    );

    EXPECT_EQ(root.read("a"), "last");
    EXPECT_EQ(root.read("c/d"), "below");
}

TEST(Apply, ASymlinkInTheWayIsReplacedNeverFollowed) {
    Sentinel sentinel;

    ASSERT_THAT(
        unpack(
            {symlink("out", sentinel.outside.path()),
             file("out/passwd", "owned"),
             symlink("passwd", sentinel.outside.path("passwd")),
             file("passwd", "owned"),
             symlink("deep", ".."),
             directory("deep/x"),
             symlink("loop", "loop"),
             file("loop/y")},
            sentinel.root.path()
        ),
        Succeeds()
    );

    sentinel.expect_untouched();
    EXPECT_EQ(sentinel.root.read("out/passwd"), "owned");
    EXPECT_EQ(sentinel.root.read("passwd"), "owned");
}

TEST(Apply, ADirectoryEntryOverASymlinkChangesTheLinkNotItsTarget) {
    Sentinel sentinel;

    ASSERT_THAT(
        unpack({symlink("d", sentinel.outside.path()), directory("d", 0777)}, sentinel.root.path()),
        Succeeds()
    );

    sentinel.expect_untouched();
    EXPECT_EQ(facts_of(sentinel.outside, ".").st_mode & 07777U, 0700U);
    EXPECT_TRUE(S_ISDIR(facts_of(sentinel.root, "d").st_mode));
}

TEST(Apply, DirectoryTimesSetAtTheEndDoNotFollowALinkThatCameLater) {
    Sentinel sentinel;
    const auto before = facts_of(sentinel.outside, ".").st_mtim;

    ASSERT_THAT(
        unpack(
            {directory("d"), directory("d/e"), symlink("d", sentinel.outside.path())},
            sentinel.root.path()
        ),
        Succeeds()
    );

    EXPECT_EQ(facts_of(sentinel.outside, ".").st_mtim.tv_sec, before.tv_sec);
}

TEST(Apply, AHardLinkReachesNothingThroughASymlink) {
    Sentinel sentinel;

    const auto result = unpack(
        {symlink("out", sentinel.outside.path()), hardlink("a", "out/passwd")}, sentinel.root.path()
    );

    EXPECT_THAT(result, FailsSaying(Code::invalid_input, "a is a hard link to out/passwd"));
    sentinel.expect_untouched();
}

TEST(Apply, HardLinksShareTheFile) {
    TempDirectory root;

    ASSERT_THAT(
        unpack({file("d/a", "x"), hardlink("d/b", "d/a"), hardlink("e/c", "d/b")}, root.path()),
        Succeeds()
    );

    EXPECT_EQ(facts_of(root, "d/a").st_ino, facts_of(root, "e/c").st_ino);
    EXPECT_EQ(facts_of(root, "d/a").st_nlink, 3U);
}

TEST(Apply, HardLinksToThemselvesDirectoriesAndNothingAreRefused) {
    TempDirectory root;

    EXPECT_THAT(
        unpack({file("a"), hardlink("a", "a")}, root.path()), FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(
        unpack({directory("d"), hardlink("b", "d")}, root.path()), FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(unpack({hardlink("b", "none/x")}, root.path()), FailsWith(Code::invalid_input));
}

TEST(Apply, WhiteoutsRemoveWhatWasThereAndSpareTheirOwnLayerInAnyOrder) {
    const SampleFile own = file("d/new", "n");
    for (const auto& order : {std::vector{whiteout("d"), own}, std::vector{own, whiteout("d")}}) {
        TempDirectory root;
        root.write("d/old", "o");
        root.write("d/e/older", "o");

        ASSERT_THAT(unpack(order, root.path()), Succeeds());

        EXPECT_FALSE(exists(root, "d/old"));
        EXPECT_FALSE(exists(root, "d/e"));
        EXPECT_EQ(root.read("d/new"), "n");
    }
}

TEST(Apply, AnOpaqueMarkerEmptiesItsDirectoryOfWhatWasThere) {
    const SampleFile own = file("d/e/new", "n");
    for (const auto& order : {std::vector{opaque("d"), own}, std::vector{own, opaque("d")}}) {
        TempDirectory root;
        root.write("d/old", "o");
        root.write("d/e/older", "o");
        root.write("kept", "k");

        ASSERT_THAT(unpack(order, root.path()), Succeeds());

        EXPECT_FALSE(exists(root, "d/old"));
        EXPECT_FALSE(exists(root, "d/e/older"));
        EXPECT_EQ(root.read("d/e/new"), "n");
        EXPECT_EQ(root.read("kept"), "k");
    }
}

TEST(Apply, AWhiteoutNeverLeavesTheRootOrFollowsALink) {
    Sentinel sentinel;
    std::filesystem::create_symlink(sentinel.outside.path(), sentinel.root.path("out"));

    ASSERT_THAT(unpack({whiteout("out/passwd"), opaque("out")}, sentinel.root.path()), Succeeds());

    sentinel.expect_untouched();
    for (const char* name : {".wh.", ".wh..", ".wh..."}) {
        EXPECT_THAT(unpack({file(name)}, sentinel.root.path()), FailsWith(Code::invalid_input));
    }
}

TEST(Apply, AFileSystemMayHoldNoWhiteouts) {
    TempDirectory root;
    const ApplyOptions options{.whiteouts = Whiteouts::refuse};

    EXPECT_THAT(unpack({whiteout("a")}, root.path(), options), FailsWith(Code::invalid_input));
    EXPECT_THAT(unpack({file(".wh.d/a")}, root.path()), FailsSaying(Code::invalid_input, ".wh.d"));
}

TEST(Apply, AnOverlayGetsDevicesForWhiteouts) {
    TempDirectory root;
    const ApplyOptions options{
        .whiteouts = Whiteouts::overlay, .opaque_xattr = "user.overlay.opaque"};

    const auto result = unpack(
        {whiteout("gone"),
         opaque("emptied"),
         whiteout("again"),
         file("again/a"),
         file("first/b"),
         whiteout("first"),
         whiteout("file"),
         file("file", "new")},
        root.path(),
        options
    );

    if (!result && result.error().message.find("not supported") != std::string::npos) {
        GTEST_SKIP() << "no user xattrs here: " << result.error().render();
    }
    ASSERT_THAT(result, Succeeds());
    EXPECT_TRUE(is_whiteout(root, "gone"));
    EXPECT_EQ(xattr(root, "emptied", "user.overlay.opaque"), "y");
    EXPECT_EQ(xattr(root, "again", "user.overlay.opaque"), "y");
    EXPECT_EQ(xattr(root, "first", "user.overlay.opaque"), "y");
    EXPECT_EQ(root.read("file"), "new");
}

TEST(Apply, ADeviceThatAnOverlayWouldMisreadIsSkippedAndReported) {
    TempDirectory root;
    SampleFile device = file("dev/odd");
    device.entry.type = tar::EntryType::char_device;

    const auto report = unpack({device}, root.path(), {.whiteouts = Whiteouts::overlay});

    ASSERT_THAT(report, Succeeds());
    ASSERT_THAT(report->skipped, SizeIs(1));
    EXPECT_EQ(report->skipped[0].path, "dev/odd");
    EXPECT_FALSE(exists(root, "dev/odd"));
}

TEST(Apply, DevicesAreMadeOrReported) {
    TempDirectory root;
    SampleFile null = file("dev/null");
    null.entry.type = tar::EntryType::char_device;
    null.entry.device_major = 1;
    null.entry.device_minor = 3;

    const auto skipped = unpack({null}, root.path(), {.devices = tree::Devices::skip});
    const auto made = unpack({null}, root.path());

    EXPECT_THAT(skipped->skipped, SizeIs(1));
    ASSERT_THAT(made, Succeeds());
    EXPECT_EQ(exists(root, "dev/null"), made->skipped.empty());
}

TEST(Apply, ALayersOddParentsLookAsTheyDoBelow) {
    const SampleLayer low = layer({directory("d", 0700), file("d/f", "text")});
    BelowTree below(tree_of({low}), {low});
    TempDirectory root;

    ASSERT_THAT(
        unpack(
            {file("d/a"), file("new/b"), hardlink("link", "d/f"), hardlink("link2", "d/f")},
            root.path(),
            {.whiteouts = Whiteouts::overlay, .below = &below}
        ),
        Succeeds()
    );

    EXPECT_EQ(facts_of(root, "d").st_mode & 07777U, 0700U);
    EXPECT_EQ(facts_of(root, "new").st_mode & 07777U, 0755U);
    EXPECT_EQ(root.read("link"), "text");
    EXPECT_EQ(facts_of(root, "link").st_ino, facts_of(root, "link2").st_ino);
}

TEST(Apply, AHardLinkToADeletedFileBelowGetsItsOwnCopy) {
    const SampleLayer low = layer({file("f", "text")});
    BelowTree below(tree_of({low}), {low});
    TempDirectory root;

    ASSERT_THAT(
        unpack(
            {whiteout("f"), hardlink("link", "f")},
            root.path(),
            {.whiteouts = Whiteouts::overlay, .below = &below}
        ),
        Succeeds()
    );

    EXPECT_TRUE(is_whiteout(root, "f"));
    EXPECT_EQ(root.read("link"), "text");
}

TEST(Apply, CapabilitiesSurviveTheChangeOfOwner) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root may set capabilities";
    }
    TempDirectory root;
    SampleFile ping = file("ping", "x");
    ping.entry.uid = 1000;
    ping.entry.mode = 06755;
    ping.entry.xattrs["security.capability"] =
        std::string("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

    const auto report = unpack({ping}, root.path());

    ASSERT_THAT(report, Succeeds());
    ASSERT_THAT(report->skipped, IsEmpty());
    EXPECT_EQ(xattr(root, "ping", "security.capability"), ping.entry.xattrs["security.capability"]);
    EXPECT_EQ(facts_of(root, "ping").st_uid, 1000U);
    EXPECT_EQ(facts_of(root, "ping").st_mode & 07777U, 06755U);
}

TEST(Apply, OverlaysOwnAttributesAreNeverTaken) {
    TempDirectory root;
    SampleFile dir = directory("d");
    dir.entry.xattrs = {
        {"user.overlay.redirect", "/etc"}, {"trusted.overlay.opaque", "y"}, {"trusted.x", "1"}};

    ASSERT_THAT(unpack({dir}, root.path()), Succeeds());

    EXPECT_EQ(xattr(root, "d", "user.overlay.redirect"), "");
    EXPECT_EQ(xattr(root, "d", "trusted.overlay.opaque"), "");
    EXPECT_EQ(xattr(root, "d", "trusted.x"), "");
}

TEST(Apply, ASetGroupIdDirectoryGivesItsGroupToNobody) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root may give files away";
    }
    TempDirectory root;
    SampleFile dir = directory("d", 02755);
    dir.entry.gid = 1000;

    ASSERT_THAT(unpack({dir, file("d/a"), directory("d/e")}, root.path()), Succeeds());

    EXPECT_EQ(facts_of(root, "d/a").st_gid, ::getegid());
    EXPECT_EQ(facts_of(root, "d/e").st_mode & 07777U, 0755U);
}

TEST(Apply, OwnersMayBeIgnored) {
    TempDirectory root;
    SampleFile given = file("a");
    given.entry.uid = 5'000'000'000;

    EXPECT_THAT(unpack({given}, root.path(), {.owner = tree::Owner::ignore}), Succeeds());

    EXPECT_EQ(facts_of(root, "a").st_uid, ::geteuid());
    EXPECT_THAT(unpack({given}, root.path()), FailsSaying(Code::invalid_input, "5000000000"));
}

/// Endless zeros.
class ZeroSource final : public ByteSource {
  public:
    Result<std::size_t> read(MutableByteSpan into) override {
        std::fill(into.begin(), into.end(), std::byte{0});
        return into.size();
    }
};

TEST(Apply, HolesTakeNoSpace) {
    TempDirectory root;
    SampleFile sparse = file("hole");
    sparse.entry.size_bytes = 300'000'001;
    ZeroSource zeros;
    const auto fd = open_directory(root.path());
    tree::Applier applier(fd->get(), {}, {});

    ASSERT_THAT(applier.add(sparse.entry, zeros), Succeeds());
    ASSERT_THAT(applier.finish(), Succeeds());

    EXPECT_EQ(facts_of(root, "hole").st_size, 300'000'001);
    EXPECT_LT(facts_of(root, "hole").st_blocks * 512, 1'000'000);
}

TEST(Apply, ShortContentIsCorrupt) {
    TempDirectory root;
    SampleFile cut = file("a", "abc");
    cut.entry.size_bytes = 10;

    EXPECT_THAT(unpack({cut}, root.path()), FailsSaying(Code::corrupt, "7 bytes early"));
}

TEST(Apply, StopsWhenAskedTo) {
    TempDirectory root;
    const auto fd = open_directory(root.path());
    std::stop_source stop;
    tree::Applier applier(fd->get(), {}, stop.get_token());
    ZeroSource zeros;
    stop.request_stop();

    EXPECT_THAT(applier.add(file("a").entry, zeros), FailsWith(Code::cancelled));
}

TEST(Apply, TheRootIsADirectoryAndTakesMetadata) {
    TempDirectory root;

    ASSERT_THAT(unpack({directory("", 0751)}, root.path()), Succeeds());

    EXPECT_EQ(facts_of(root, ".").st_mode & 07777U, 0751U);
    EXPECT_THAT(unpack({file("", "x")}, root.path()), FailsWith(Code::invalid_input));
}

RC_GTEST_PROP(ApplyLaw, ATreeComesBackFromDiskAsItWas, ()) {
    const std::vector<SampleLayer> layers = {*arbitrary_tree()};
    const auto tree = tree_of(layers);
    TempDirectory root;

    const auto report = unpack(flat(tree, layers), root.path());

    RC_ASSERT(report.has_value());
    RC_ASSERT(report->skipped_count == 0U);
    RC_ASSERT(listing(tree_on_disk(root.path())) == listing(tree));
}

RC_GTEST_PROP(ApplyLaw, ALayerAppliedInAnyOrderGivesTheMergedTree, ()) {
    const std::vector<SampleLayer> layers = {*arbitrary_tree(), *arbitrary_layer()};
    TempDirectory root;

    RC_ASSERT(unpack(shuffled(layers[0]), root.path()).has_value());
    RC_ASSERT(unpack(shuffled(layers[1]), root.path()).has_value());

    RC_ASSERT(listing(tree_on_disk(root.path())) == listing(tree_of(layers)));
}

}  // namespace
}  // namespace kiln
