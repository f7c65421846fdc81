#include "store/base/utf8.hpp"

#include "tests/support/matchers.hpp"

namespace kiln {
namespace {

TEST(Utf8, TellsTextFromBytes) {
    for (const char* text : {"", "plain", "gr\u00f6\u00dfe", "\u4e16\U0001F525", "\uFFFD"}) {
        EXPECT_TRUE(is_utf8(text)) << text;
        EXPECT_EQ(to_utf8(text), text);
    }
    // Latin-1, a cut sequence, an overlong '/', a surrogate, beyond U+10FFFF.
    for (const char* bytes :
         {"\xE9", "a\xE4\xB8", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
        EXPECT_FALSE(is_utf8(bytes));
    }
    EXPECT_EQ(to_utf8("a\xE9z\xFF"), "a\uFFFDz\uFFFD");
}

RC_GTEST_PROP(Utf8, IsWhatComesOutWhateverGoesIn, (const std::string& bytes)) {
    const std::string text = to_utf8(bytes);

    RC_ASSERT(is_utf8(text));
    RC_ASSERT((text == bytes) == is_utf8(bytes));
}

}  // namespace
}  // namespace kiln
