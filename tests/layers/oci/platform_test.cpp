#include "layers/oci/platform.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::oci {
namespace {

using kiln::testing::FailsWith;

TEST(Platform, HasOneSpelling) {
    EXPECT_EQ(Platform::parse("linux/x86_64")->render(), "linux/amd64");
    EXPECT_EQ(Platform::parse("Linux/aarch64")->render(), "linux/arm64");
    EXPECT_EQ(Platform::parse("linux/arm64/v8")->render(), "linux/arm64");
    EXPECT_EQ(Platform::parse("linux/arm64/8")->render(), "linux/arm64");
    EXPECT_EQ(Platform::parse("linux/armhf")->render(), "linux/arm/v7");
    EXPECT_EQ(Platform::parse("linux/arm/6")->render(), "linux/arm/v6");
    EXPECT_EQ(Platform::parse("macos/arm64")->render(), "darwin/arm64");
}

TEST(Platform, TakesTheHostForWhatIsLeftOut) {
    EXPECT_EQ(Platform::parse("linux")->architecture, Platform::host().architecture);
    EXPECT_EQ(Platform::parse("s390x")->render(), "linux/s390x");
}

TEST(Platform, RefusesWhatIsNone) {
    for (const char* text : {"", "/", "linux/", "linux/amd64/v1/x", "toaster", "linux/a b"}) {
        EXPECT_THAT(Platform::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(Platform, AnOlderVariantRunsOnANewerMachine) {
    const Platform v7 = Platform::parse("linux/arm/v7").value();
    const Platform v6 = Platform::parse("linux/arm/v6").value();
    const Platform amd64 = Platform::parse("linux/amd64").value();
    const Platform amd64_v3 = Platform::parse("linux/amd64/v3").value();

    EXPECT_GT(match(v7, v7), match(v7, v6));
    EXPECT_GT(match(v7, v6), 0);
    EXPECT_EQ(match(v6, v7), 0);
    EXPECT_EQ(match(amd64, amd64_v3), 0);
    EXPECT_GT(match(amd64_v3, amd64), 0);
    EXPECT_EQ(match(amd64, v7), 0);
}

}  // namespace
}  // namespace kiln::oci
