#include "client/mount_spec.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>

namespace kiln::testing {
namespace {

using client::MountSpec;

void expect_spec(
    std::string_view text, const char* source, const char* destination, bool read_only
) {
    const auto spec = MountSpec::parse(text);
    ASSERT_THAT(spec, Succeeds()) << text;
    EXPECT_EQ(spec->source, source) << text;
    EXPECT_EQ(spec->destination, destination) << text;
    EXPECT_EQ(spec->read_only, read_only) << text;
}

TEST(MountSpec, IsSourceDestinationAndMode) {
    expect_spec("data:/data", "data", "/data", false);
    expect_spec("/a:b:/data:ro", "/a:b", "/data", true);
    expect_spec("data:/data:rw", "data", "/data", false);
    expect_spec("data:/ro", "data", "/ro", false);
}

TEST(MountSpec, IsTakenAsDockerWritesIt) {
    expect_spec("type=bind,src=data,dst=/data", "data", "/data", false);
    expect_spec("type=bind,source=/d,target=/data,readonly", "/d", "/data", true);
}

TEST(MountSpec, SaysWhatItLacks) {
    EXPECT_THAT(MountSpec::parse("data"), FailsSaying(Code::invalid_input, "no destination"));
    EXPECT_THAT(MountSpec::parse("data:rel"), FailsSaying(Code::invalid_input, "not absolute"));
    EXPECT_THAT(MountSpec::parse(":/x"), FailsSaying(Code::invalid_input, "needs a source"));
    EXPECT_THAT(
        MountSpec::parse("type=tmpfs,dst=/x"), FailsSaying(Code::unsupported, "type=tmpfs")
    );
}

TEST(MountSpec, OpensAPlaceThatIsThere) {
    const TempDirectory folder;
    const MountSpec there{.source = folder.path(), .destination = "/x"};
    const MountSpec absent{.source = folder.path("absent"), .destination = "/x"};

    EXPECT_THAT(there.open(), Succeeds());
    EXPECT_THAT(absent.open(), FailsSaying(Code::not_found, "to mount"));
}

}  // namespace
}  // namespace kiln::testing
