#include "layers/tree/file_tree.hpp"

#include "layers/tree/whiteout.hpp"
#include "tests/layers/tree/sample.hpp"
#include "tests/support/matchers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace kiln::testing;
using tree::FileTree;
using tree::Node;
using Last = FileTree::Last;
using tar::EntryType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> paths(const std::vector<Node>& nodes) {
    std::vector<std::string> all;
    for (const Node& node : nodes) {
        all.push_back(node.row.entry.path);
    }
    return all;
}

TEST(FileTree, AnUpperLayersFileReplacesTheLowerOne) {
    const FileTree tree = tree_of({layer({file("a", "old")}), layer({file("a", "newer")})});

    const auto node = tree.find("a");

    ASSERT_TRUE(node);
    EXPECT_EQ(node->layer, 1U);
    EXPECT_EQ(node->row.entry.size_bytes, 5U);
}

TEST(FileTree, DirectoriesMergeAndTheTopmostGivesTheMetadata) {
    const FileTree tree = tree_of(
        {layer({directory("d", 0700), file("d/a")}), layer({directory("d", 01777), file("d/b")})}
    );

    EXPECT_EQ(tree.find("d")->row.entry.mode, 01777U);
    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d", "d/a", "d/b"));
}

TEST(FileTree, AnUnlistedParentKeepsWhatALowerLayerSaysOfIt) {
    const FileTree tree =
        tree_of({layer({directory("d", 0700)}), layer({file("d/a"), file("new/b")})});

    EXPECT_EQ(tree.find("d")->row.entry.mode, 0700U);
    EXPECT_EQ(tree.find("new")->row.entry.mode, 0755U);
    EXPECT_EQ(tree.find("new")->row_index, Node::k_implied);
}

TEST(FileTree, AWhiteoutDeletesTheTreeBelowItsName) {
    const FileTree tree =
        tree_of({layer({directory("d"), file("d/a"), file("d-e")}), layer({whiteout("d")})});

    EXPECT_FALSE(tree.find("d"));
    EXPECT_FALSE(tree.find("d/a"));
    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d-e"));
}

TEST(FileTree, AWhiteoutSparesItsOwnLayer) {
    const FileTree tree = tree_of(
        {layer({directory("d"), file("d/old")}),
         layer({whiteout("d"), directory("d"), file("d/new")})}
    );

    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d", "d/new"));
}

TEST(FileTree, AnOpaqueMarkerHidesTheLowerChildrenAtAnyDepth) {
    const FileTree tree = tree_of(
        {layer({directory("d"), directory("d/e"), file("d/e/old")}),
         layer({opaque("d"), directory("d/e"), file("d/e/new")})}
    );

    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d", "d/e", "d/e/new"));
    EXPECT_FALSE(tree.find("d/e/old"));
}

TEST(FileTree, AWhiteoutThatSortsAfterItsNameStillAppliesToIt) {
    const FileTree tree = tree_of({layer({file("-a"), file("b")}), layer({whiteout("-a")})});

    EXPECT_THAT(paths(tree.walk("")), ElementsAre("b"));
}

TEST(FileTree, WhatWasDeletedMayComeBackHigherUp) {
    const FileTree tree =
        tree_of({layer({file("a", "1")}), layer({whiteout("a")}), layer({file("a", "three")})});

    EXPECT_EQ(tree.find("a")->layer, 2U);
}

TEST(FileTree, AFileInTheMiddleCutsADirectoryInTwo) {
    const FileTree tree = tree_of(
        {layer({directory("d"), file("d/old")}),
         layer({file("d")}),
         layer({directory("d"), file("d/new")})}
    );

    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d", "d/new"));
}

TEST(FileTree, WhiteoutsAreNoNodes) {
    const FileTree tree = tree_of({layer({whiteout("a"), opaque("d"), file("d/x")})});

    EXPECT_FALSE(tree.find(".wh.a"));
    EXPECT_FALSE(tree.find("d/.wh..wh..opq"));
    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d", "d/x"));
}

TEST(FileTree, AHardLinkIsAnsweredWithItsFile) {
    const FileTree tree = tree_of({layer({file("a", "text"), hardlink("b", "a")})});

    const auto node = tree.find("b");

    ASSERT_TRUE(node);
    EXPECT_EQ(node->row.entry.path, "b");
    EXPECT_EQ(node->row.entry.type, EntryType::file);
    EXPECT_EQ(node->row.entry.size_bytes, 4U);
    EXPECT_EQ(node->identity(), tree.find("a")->identity());
}

TEST(FileTree, AHardLinkKeepsItsFileWhenALaterLayerOverwritesTheTarget) {
    const FileTree tree =
        tree_of({layer({file("a", "first"), hardlink("b", "a")}), layer({file("a", "second!")})});

    EXPECT_EQ(tree.find("b")->row.entry.size_bytes, 5U);
    EXPECT_EQ(tree.find("a")->row.entry.size_bytes, 7U);
}

TEST(FileTree, AHardLinkMayReachIntoTheLayersBelow) {
    const FileTree tree = tree_of({layer({file("a", "low")}), layer({hardlink("b", "a")})});

    EXPECT_EQ(tree.find("b")->layer, 0U);
}

TEST(FileTree, AHardLinkToNothingIsNotThere) {
    const FileTree tree = tree_of({layer(
        {hardlink("a", "b"),
         hardlink("b", "a"),
         hardlink("c", "gone"),
         directory("d"),
         hardlink("e", "d")}
    )});

    EXPECT_THAT(paths(tree.walk("")), ElementsAre("d"));
    EXPECT_FALSE(tree.find("a"));
}

TEST(FileTree, ListsTheChildrenOnly) {
    const FileTree tree = tree_of(
        {layer({file("d/a"), file("d/e/x"), file("d-")}), layer({file("d/b"), whiteout("d/a")})}
    );

    EXPECT_THAT(paths(tree.list("d")), ElementsAre("d/b", "d/e"));
    EXPECT_THAT(paths(tree.list("d-")), IsEmpty());
    EXPECT_THAT(paths(tree.list("none")), IsEmpty());
}

TEST(FileTree, NoLayersAreAnEmptyRoot) {
    const FileTree tree({});

    EXPECT_EQ(tree.find("")->row.entry.type, EntryType::directory);
    EXPECT_THAT(tree.walk(""), IsEmpty());
    EXPECT_EQ(tree.resolve("/a/../b", Last::follow).value(), "b");
}

TEST(FileTree, ResolvesLinksWithItsRootAsSlash) {
    const FileTree tree = tree_of({layer(
        {directory("usr"),
         directory("usr/lib"),
         file("usr/lib/libc"),
         symlink("lib", "usr/lib"),
         symlink("usr/abs", "/lib"),
         symlink("up", "../../../usr"),
         file("plain")}
    )});

    EXPECT_EQ(tree.resolve("lib/libc", Last::follow).value(), "usr/lib/libc");
    EXPECT_EQ(tree.resolve("/usr/abs/libc", Last::follow).value(), "usr/lib/libc");
    EXPECT_EQ(tree.resolve("up/lib", Last::follow).value(), "usr/lib");
    EXPECT_EQ(tree.resolve("../../lib", Last::follow).value(), "usr/lib");
    EXPECT_EQ(tree.resolve("lib", Last::keep).value(), "lib");
    EXPECT_EQ(tree.resolve("lib/..", Last::follow).value(), "usr");
    EXPECT_EQ(tree.resolve("lib/new/dir", Last::follow).value(), "usr/lib/new/dir");
    EXPECT_EQ(tree.resolve("none/../lib/x", Last::follow).value(), "usr/lib/x");
    EXPECT_EQ(tree.resolve("./usr//lib/.", Last::follow).value(), "usr/lib");
    EXPECT_THAT(tree.resolve("plain/x", Last::follow), FailsSaying(Code::invalid_input, "plain"));
}

TEST(FileTree, LoopsOfLinksEndInAnError) {
    const FileTree tree =
        tree_of({layer({symlink("a", "b"), symlink("b", "a/x"), symlink("s", "s")})});

    EXPECT_THAT(tree.resolve("a/c", Last::follow), FailsWith(Code::invalid_input));
    EXPECT_THAT(tree.resolve("s", Last::follow), FailsWith(Code::invalid_input));
    EXPECT_EQ(tree.resolve("s", Last::keep).value(), "s");
}

TEST(FileTree, ADanglingLinkResolvesToThePathItWouldCreate) {
    const FileTree tree = tree_of({layer({symlink("a", "var/new")})});

    EXPECT_EQ(tree.resolve("a", Last::follow).value(), "var/new");
    EXPECT_EQ(tree.resolve("a/b", Last::follow).value(), "var/new/b");
}

TEST(FileTree, SkipsAChildrensSubtreeOnRequest) {
    const FileTree tree = tree_of({layer({file("a/x/1"), file("b")})});
    tree::TreeWalk walk(tree, "");

    EXPECT_EQ(walk.next()->row.entry.path, "a");
    walk.skip_children();

    EXPECT_EQ(walk.next()->row.entry.path, "b");
    EXPECT_FALSE(walk.next());
}

/// What the image specification says, done the simple way: layer after layer on one map.
class Reference {
  public:
    explicit Reference(const std::vector<SampleLayer>& layers) {
        for (const SampleLayer& layer : layers) {
            apply(layer);
        }
    }

    std::map<std::string, TableRow, PathLess> files;

  private:
    void erase(const std::string& path, bool itself) {
        std::erase_if(files, [&](const auto& item) {
            return (itself && item.first == path) || path.empty()
                   || item.first.starts_with(path + "/");
        });
    }

    void apply(const SampleLayer& layer) {
        const auto below = files;
        for (const auto& [path, file] : layer) {
            const std::string name(tree::name_of(path));
            const std::string parent(tree::parent_of(path));
            if (tree::kind_of(name) == tree::NameKind::whiteout) {
                erase(tree::join(parent, tree::whited_out(name)), true);
            } else if (tree::kind_of(name) == tree::NameKind::opaque) {
                erase(parent, false);
            }
        }
        for (const TableRow& row : rows_of(layer)) {
            put_parents(row.entry.path);
            if (tree::kind_of(tree::name_of(row.entry.path)) != tree::NameKind::plain) {
                continue;
            }
            if (row.entry.type != EntryType::directory) {
                erase(row.entry.path, false);
            }
            put(row, layer, below);
        }
    }

    void put(
        TableRow row,
        const SampleLayer& layer,
        const std::map<std::string, TableRow, PathLess>& below
    ) {
        const std::string path = row.entry.path;
        if (row.entry.type == EntryType::hardlink) {
            const std::string target = row.entry.link;
            if (layer.contains(target)) {
                for (const TableRow& own : rows_of(layer)) {
                    row = own.entry.path == target ? own : row;
                }
            } else {
                row = below.at(target);
            }
            row.entry.path = path;
        }
        files.insert_or_assign(path, row);
    }

    void put_parents(const std::string& path) {
        const std::string parent(tree::parent_of(path));
        if (parent.empty()) {
            return;
        }
        put_parents(parent);
        const auto found = files.find(parent);
        if (found == files.end() || found->second.entry.type != EntryType::directory) {
            files.erase(parent);
            TableRow row;
            row.entry = {.path = parent, .type = EntryType::directory, .mode = 0755, .link = {}};
            files.emplace(parent, row);
        }
    }
};

std::vector<SampleLayer> some_layers() {
    std::vector<SampleLayer> layers;
    for (int count = *rc::gen::inRange(1, 5); count > 0; --count) {
        layers.push_back(*arbitrary_layer());
    }
    return layers;
}

std::string shown(const TableRow& row) {
    return fmt::format(
        "{} {} {:o} {} {}",
        row.entry.path,
        static_cast<int>(row.entry.type),
        row.entry.mode,
        row.entry.mtime,
        row.content.hex().substr(0, 8)
    );
}

RC_GTEST_PROP(FileTreeLaw, AgreesWithLayersAppliedOneAfterTheOther, ()) {
    const auto layers = some_layers();
    const FileTree tree = tree_of(layers);
    const Reference reference(layers);

    std::vector<std::string> expected;
    for (const auto& [path, row] : reference.files) {
        expected.push_back(shown(row));
    }
    std::vector<std::string> seen;
    for (const Node& node : tree.walk("")) {
        seen.push_back(shown(node.row));
    }

    RC_ASSERT(seen == expected);
}

RC_GTEST_PROP(FileTreeLaw, FindListAndWalkAgree, ()) {
    const FileTree tree = tree_of(some_layers());

    for (const Node& node : tree.walk("")) {
        const std::string& path = node.row.entry.path;
        const auto found = tree.find(path);
        RC_ASSERT(found.has_value());
        RC_ASSERT(found->row.entry == node.row.entry);
        RC_ASSERT(found->identity() == node.identity());
        const auto siblings = paths(tree.list(tree::parent_of(path)));
        RC_ASSERT(std::count(siblings.begin(), siblings.end(), path) == 1);
    }
    const std::string path = *arbitrary_short_path();
    const auto all = paths(tree.walk(""));
    RC_ASSERT(tree.find(path).has_value() == (std::count(all.begin(), all.end(), path) == 1));
}

RC_GTEST_PROP(FileTreeLaw, WhatResolvesIsNoLinkAndResolvesToItself, ()) {
    const FileTree tree = tree_of(some_layers());

    const auto resolved = tree.resolve(*arbitrary_short_path(), Last::follow);

    if (resolved) {
        RC_ASSERT(tree.resolve(*resolved, Last::follow).value() == *resolved);
        const auto node = tree.find(*resolved);
        RC_ASSERT((!node || node->row.entry.type != EntryType::symlink));
    }
}

}  // namespace
}  // namespace kiln
