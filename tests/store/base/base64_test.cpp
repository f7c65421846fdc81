#include "store/base/base64.hpp"

#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

namespace kiln {
namespace {

using testing::FailsWith;

TEST(Base64, RendersTheVectorsOfTheRfc) {
    EXPECT_EQ(render_base64(as_bytes("")), "");
    EXPECT_EQ(render_base64(as_bytes("f")), "Zg==");
    EXPECT_EQ(render_base64(as_bytes("fo")), "Zm8=");
    EXPECT_EQ(render_base64(as_bytes("foobar")), "Zm9vYmFy");
}

RC_GTEST_PROP(Base64, ParsesWhatItRenders, (const std::string& text)) {
    const auto parsed = parse_base64(render_base64(as_bytes(text)));

    RC_ASSERT(parsed.has_value());
    RC_ASSERT(as_text(*parsed) == text);
}

TEST(Base64, RefusesEveryOtherForm) {
    for (const char* text :
         {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9v Zg==", "Zg==Zg==", "Zm9-"}) {
        EXPECT_THAT(parse_base64(text), FailsWith(Code::invalid_input)) << text;
    }
}

}  // namespace
}  // namespace kiln
