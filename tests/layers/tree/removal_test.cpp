#include "layers/tree/removal.hpp"

#include "tests/layers/tree/sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln {
namespace {

using namespace kiln::testing;
using tree::removing_layer;

TEST(Removal, TheUppermostWhiteoutOfThePathOrAboveItIsToBlame) {
    const auto tree = tree_of(
        {layer({directory("d"), file("d/a"), file("b")}),
         layer({whiteout("d/a")}),
         layer({file("b", "again")}),
         layer({whiteout("d")})}
    );

    EXPECT_EQ(removing_layer(tree, "d/a"), 3U);
    EXPECT_EQ(removing_layer(tree, "b"), std::nullopt);
    EXPECT_EQ(removing_layer(tree, "never/there"), std::nullopt);
}

TEST(Removal, AnOpaqueDirectoryOrAFileInItsPlaceRemovesToo) {
    const auto opaque_above = tree_of({layer({directory("d"), file("d/a")}), layer({opaque("d")})});
    const auto replaced = tree_of({layer({directory("d"), file("d/a")}), layer({file("d")})});

    EXPECT_EQ(removing_layer(opaque_above, "d/a"), 1U);
    EXPECT_EQ(removing_layer(replaced, "d/a"), 1U);
}

}  // namespace
}  // namespace kiln
