#include "layers/tree/ground.hpp"

#include "tests/layers/tree/sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln {
namespace {

using namespace kiln::testing;
using tree::changed_ground;
using tree::FileTree;

const FileTree k_before =
    tree_of({layer({directory("data"), directory("etc"), symlink("lib", "usr/lib")})});

TEST(ChangedGround, IsNoneWhereDirectoriesStayOrComeAndGo) {
    const FileTree upper =
        tree_of({layer({directory("data"), file("data/x/a"), file("new/b"), file("lib/c")})});
    const FileTree after = tree_of({layer({directory("new"), symlink("lib", "usr/lib")})});

    EXPECT_FALSE(changed_ground(upper.layers(), k_before, after));
}

TEST(ChangedGround, IsADirectoryThatBecameALink) {
    const FileTree upper = tree_of({layer({file("etc/a"), file("data/x/a")})});
    const FileTree after = tree_of({layer({directory("etc"), symlink("data", "srv")})});

    const auto changed = changed_ground(upper.layers(), k_before, after);

    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->path, "data");
    EXPECT_EQ(changed->before, "a directory");
    EXPECT_EQ(changed->after, "a symlink to srv");
}

TEST(ChangedGround, IsALinkThatLeadsElsewhereOrIsNoLinkAnyMore) {
    const FileTree upper = tree_of({layer({file("lib/a")})});

    EXPECT_TRUE(
        changed_ground(upper.layers(), k_before, tree_of({layer({symlink("lib", "usr/lib64")})}))
    );
    EXPECT_TRUE(changed_ground(upper.layers(), k_before, tree_of({layer({directory("lib")})})));
}

}  // namespace
}  // namespace kiln
