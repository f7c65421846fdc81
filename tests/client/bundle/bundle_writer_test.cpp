#include "client/bundle/bundle_writer.hpp"

#include "tests/client/bundle/sample_bundle.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <rapidcheck/gtest.h>

#include <filesystem>

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::SampleBundle;
using testing::Succeeds;
using testing::TempDirectory;

const std::vector<std::string> k_contents = {"first", std::string(5000, 'x'), "third"};

TEST(BundleWriter, GoesOnWhereAnInterruptedOneEnded) {
    const TempDirectory directory;
    const std::string path = directory.path("b");
    SampleBundle bundle(k_contents);
    ASSERT_THAT(bundle.write(path), Succeeds());
    const std::string whole = directory.read("b");
    const auto layout = BundleLayout::of(bundle.bundle);
    const BundleMember& third = layout.members.back();
    std::filesystem::remove(path);
    directory.write("b.part", whole.substr(0, third.offset + 3));
    bundle.fetched.clear();

    ASSERT_THAT(bundle.write(path), Succeeds());

    EXPECT_EQ(directory.read("b"), whole);
    EXPECT_THAT(bundle.fetched, ElementsAre("part 3"));
    EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST(BundleWriter, KeepsWhatIsWrittenWhenTheStoreBreaksOff) {
    const TempDirectory directory;
    SampleBundle bundle(k_contents);
    const auto layout = BundleLayout::of(bundle.bundle);
    int left = 2;
    const FetchBlob breaking = [&](const BundleMember& part, ByteSink& out) -> Result<void> {
        if (left-- == 0) {
            return fail(Code::upstream, "gone");
        }
        return bundle.fetch()(part, out);
    };

    const auto written =
        write_bundle(layout, directory.path("b"), 1, breaking, [](auto, auto) {}, {});

    ASSERT_THAT(written, FailsSaying(Code::upstream, "gone"));
    EXPECT_NE(written.error().hint.find("goes on from there"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(directory.path("b")));
    bundle.fetched.clear();
    ASSERT_THAT(bundle.write(directory.path("b")), Succeeds());
    EXPECT_THAT(bundle.fetched, ElementsAre("part 3"));
}

TEST(BundleWriter, TellsHowFarItIsUntilAllIsWritten) {
    const TempDirectory directory;
    SampleBundle bundle(k_contents);
    const auto layout = BundleLayout::of(bundle.bundle);
    std::vector<std::uint64_t> told;
    const WriteObserver observer = [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(total, layout.size_bytes);
        told.push_back(done);
    };

    ASSERT_THAT(
        write_bundle(layout, directory.path("b"), 1, bundle.fetch(), observer, {}), Succeeds()
    );

    EXPECT_TRUE(std::ranges::is_sorted(told));
    EXPECT_EQ(told.back(), layout.size_bytes);
}

TEST(BundleWriter, LeavesWhatIsNoBegunBundleAlone) {
    const TempDirectory directory;
    directory.write("b.part", "somebody's own");
    SampleBundle bundle(k_contents);

    EXPECT_THAT(bundle.write(directory.path("b")), FailsWith(Code::conflict));

    EXPECT_EQ(directory.read("b.part"), "somebody's own");
}

TEST(BundleWriter, RefusesABlobThatIsNotWhatItsDigestSays) {
    const TempDirectory directory;
    SampleBundle bundle(k_contents);
    bundle.store.begin()->second += "!";

    EXPECT_THAT(bundle.write(directory.path("b")), FailsWith(Code::digest_mismatch));

    EXPECT_FALSE(std::filesystem::exists(directory.path("b")));
}

RC_GTEST_PROP(BundleWriter, WritesTheSameBytesFromWhateverIsLeft, ()) {
    const TempDirectory directory;
    SampleBundle bundle(k_contents);
    RC_ASSERT(bundle.write(directory.path("b")).has_value());
    std::string rest = directory.read("b");
    const std::string whole = rest;
    rest.resize(*rc::gen::inRange<std::size_t>(0, whole.size()));
    if (rest.size() > 600) {
        const auto at = *rc::gen::inRange<std::size_t>(600, rest.size());
        rest[at] = static_cast<char>(rest[at] ^ *rc::gen::inRange(0, 2));
    }
    directory.write("b.part", rest);

    RC_ASSERT(bundle.write(directory.path("b")).has_value());

    RC_ASSERT(directory.read("b") == whole);
}

}  // namespace
}  // namespace kiln::client
