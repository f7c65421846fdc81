#include "layers/tree/diff.hpp"

#include "layers/tree/flatten.hpp"
#include "tests/layers/tree/sample.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace kiln::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tree::FileTree;
using tree::Node;

std::vector<std::string> layer_changes(const SampleLayer& before, const SampleLayer& after) {
    std::vector<std::string> paths;
    for (const Node& node : tree::diff(tree_of({before}), tree_of({after}))) {
        const tar::TarEntry& entry = node.row.entry;
        const bool link = entry.type == tar::EntryType::hardlink;
        paths.push_back(link ? entry.path + " = " + entry.link : entry.path);
    }
    return paths;
}

/// The diff as a layer on top of `before`.
FileTree applied(const FileTree& before, const FileTree& after) {
    std::vector<TableRow> rows;
    for (const Node& node : tree::diff(before, after)) {
        rows.push_back(node.row);
    }
    auto layers = before.layers();
    layers.push_back(table_of(rows));
    return FileTree(std::move(layers));
}

TEST(TreeDiff, EqualTreesDifferInNothing) {
    const SampleLayer tree = layer({directory("d"), file("d/a", "x"), hardlink("d/b", "d/a")});

    EXPECT_THAT(layer_changes(tree, tree), IsEmpty());
}

TEST(TreeDiff, NamesTheParentsOfWhatChanged) {
    const SampleLayer before = layer({directory("d"), directory("d/e"), file("d/e/a", "x")});
    const SampleLayer after = layer({directory("d"), directory("d/e"), file("d/e/a", "y")});

    EXPECT_THAT(layer_changes(before, after), ElementsAre("d", "d/e", "d/e/a"));
}

TEST(TreeDiff, ADeletedTreeIsOneWhiteout) {
    const SampleLayer before = layer({directory("d"), directory("d/e"), file("d/e/a"), file("k")});

    EXPECT_THAT(
        layer_changes(before, layer({directory("d"), file("k")})), ElementsAre("d", "d/.wh.e")
    );
    EXPECT_THAT(layer_changes(before, layer({file("k")})), ElementsAre(".wh.d"));
}

TEST(TreeDiff, AReplacementNeedsNoWhiteout) {
    const SampleLayer tree = layer({directory("d"), file("d/a")});
    const SampleLayer leaf = layer({file("d")});

    EXPECT_THAT(layer_changes(tree, leaf), ElementsAre("d"));
    EXPECT_THAT(layer_changes(leaf, tree), ElementsAre("d", "d/a"));
}

TEST(TreeDiff, ANewNameOfAFileGivesTheWholeFileAgain) {
    const SampleLayer before = layer({file("a", "x")});
    const SampleLayer after = layer({file("a", "x"), hardlink("b", "a")});

    EXPECT_THAT(layer_changes(before, after), ElementsAre("a", "b = a"));
}

TEST(TreeDiff, ALostNameOfAFileIsAWhiteoutOnly) {
    const SampleLayer before = layer({file("a", "x"), hardlink("b", "a"), hardlink("c", "a")});
    const SampleLayer after = layer({file("a", "x"), hardlink("b", "a")});

    EXPECT_THAT(layer_changes(before, after), ElementsAre(".wh.c"));
}

TEST(TreeDiff, NamesThatPartBecomeTwoFiles) {
    const SampleLayer before = layer({file("a", "x"), hardlink("b", "a")});
    const SampleLayer after = layer({file("a", "x"), file("b", "x")});

    EXPECT_THAT(layer_changes(before, after), ElementsAre("a", "b"));
}

TEST(Flatten, TheFirstNameIsTheFileWhereverTheLayerKeptIt) {
    const FileTree tree =
        tree_of({layer({hardlink("a", "z"), hardlink("b", "z"), file("z", "x")})});

    std::vector<tar::TarEntry> entries;
    const auto done = tree::flatten(tree, "", [&](const Node& node) -> Result<void> {
        entries.push_back(node.row.entry);
        return {};
    });

    ASSERT_THAT(done, Succeeds());
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].type, tar::EntryType::file);
    EXPECT_EQ(entries[1].link, "a");
    EXPECT_EQ(entries[2].link, "a");
    EXPECT_EQ(entries[2].size_bytes, 0U);
}

TEST(Flatten, ANameOutsideTheSubtreeIsNotLinkedTo) {
    const FileTree tree = tree_of({layer({file("a", "x"), hardlink("d/b", "a")})});

    std::vector<tar::EntryType> types;
    const auto done = tree::flatten(tree, "d", [&](const Node& node) -> Result<void> {
        types.push_back(node.row.entry.type);
        return {};
    });

    ASSERT_THAT(done, Succeeds());
    EXPECT_THAT(types, ElementsAre(tar::EntryType::file));
}

RC_GTEST_PROP(TreeDiffLaw, ApplyingTheDiffGivesTheOtherTree, ()) {
    const SampleTree first = *arbitrary_tree();
    const FileTree before = tree_of({first, *arbitrary_layer()});
    const FileTree after = tree_of({*arbitrary_successor(first), *arbitrary_layer()});

    RC_ASSERT(listing(applied(before, after)) == listing(after));
}

RC_GTEST_PROP(TreeDiffLaw, ASuccessorIsReachedByItsDiff, ()) {
    const SampleTree first = *arbitrary_tree();
    const FileTree before = tree_of({first});
    const FileTree after = tree_of({*arbitrary_successor(first)});

    RC_ASSERT(listing(applied(before, after)) == listing(after));
}

RC_GTEST_PROP(TreeDiffLaw, NothingFollowsFromEqualTrees, ()) {
    const SampleTree first = *arbitrary_tree();
    const FileTree tree = tree_of({first, *arbitrary_layer()});
    const FileTree after = tree_of({*arbitrary_successor(first)});

    RC_ASSERT(tree::diff(tree, tree).empty());
    RC_ASSERT(tree::diff(applied(tree, after), after).empty());
}

RC_GTEST_PROP(FlattenLaw, AFlatTreeIsTheSameTree, ()) {
    const FileTree tree = tree_of({*arbitrary_layer(), *arbitrary_layer()});

    std::vector<TableRow> rows;
    const auto done = tree::flatten(tree, "", [&](const Node& node) -> Result<void> {
        rows.push_back(node.row);
        return {};
    });

    RC_ASSERT(done.has_value());
    RC_ASSERT(listing(FileTree({table_of(rows)})) == listing(tree));
}

}  // namespace
}  // namespace kiln
