#include "store/base/text.hpp"

#include <gtest/gtest.h>

namespace kiln {
namespace {

TEST(Trim, TakesBlanksFromBothEnds) {
    EXPECT_EQ(trim(" \t a b\r\n"), "a b");
    EXPECT_EQ(trim("\v\fa"), "a");
    EXPECT_EQ(trim("a"), "a");
    EXPECT_EQ(trim(" \n "), "");
    EXPECT_EQ(trim(""), "");
}

TEST(Trim, LeavesWhatIsBlankElsewhere) {
    EXPECT_EQ(trim("\u00a0a"), "\u00a0a");
    EXPECT_EQ(trim(" 'a' ", " '"), "a");
    EXPECT_EQ(trim("\ta", " "), "\ta");
}

}  // namespace
}  // namespace kiln
