#include "layers/tree/changes.hpp"

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
using tree::Aspect;
using tree::FileChange;
using tree::FileTree;

/// "+ a", "- b", "~ c" with the aspects' numbers.
std::vector<std::string> changes(const FileTree& before, const FileTree& after) {
    std::vector<std::string> rows;
    const auto result = tree::each_change(before, after, [&](const FileChange& change) {
        const bool both = change.before && change.after;
        std::string row = both ? "~ " : change.after ? "+ " : "- ";
        row += (change.after ? change.after : change.before)->row.entry.path;
        for (const Aspect aspect : change.aspects) {
            row += " " + std::to_string(static_cast<int>(aspect));
        }
        rows.push_back(std::move(row));
        return Result<void>();
    });
    EXPECT_THAT(result, Succeeds());
    return rows;
}

SampleFile with(SampleFile sample, const std::function<void(tar::TarEntry&)>& change) {
    change(sample.entry);
    return sample;
}

TEST(Changes, TellWhatCameWentAndDiffersInCanonicalOrder) {
    const FileTree before = tree_of(
        {layer({directory("d"), file("d/a", "old"), file("d-e"), symlink("l", "x"), file("t")})}
    );
    const FileTree after = tree_of({layer(
        {directory("d"), file("d/a", "new"), file("d/b"), symlink("l", "y"), directory("t")}
    )});

    EXPECT_THAT(
        changes(before, after), ElementsAre("~ d/a 1", "+ d/b", "- d-e", "~ l 2", "~ t 0 3")
    );
}

TEST(Changes, ModeOwnerAndAttributesCountButNotTimes) {
    const auto tree = [](const std::function<void(tar::TarEntry&)>& change) {
        return tree_of({layer({with(file("a"), change)})});
    };
    const FileTree before = tree([](tar::TarEntry&) {});

    EXPECT_THAT(changes(before, tree([](auto& entry) { entry.mtime += 9; })), ElementsAre());
    EXPECT_THAT(
        changes(before, tree([](auto& entry) {
                    entry.mode = 0600;
                    entry.gid += 1;
                    entry.xattrs["user.a"] = "b";
                })),
        ElementsAre("~ a 3 4 5")
    );
}

TEST(Changes, WhereItLiesInTheLayersDoesNotMatter) {
    const FileTree one = tree_of({layer({directory("d"), file("d/a", "x"), file("b")})});
    const FileTree two = tree_of(
        {layer({directory("d"), file("d/gone"), file("d/a", "y")}),
         layer({whiteout("d/gone"), file("d/a", "x"), file("b")})}
    );

    EXPECT_THAT(changes(one, two), ElementsAre());
}

RC_GTEST_PROP(Changes, TurnedRoundTheyAreTheSameTurnedRound, ()) {
    const auto before = *arbitrary_tree();
    const auto after = *arbitrary_successor(before);
    const FileTree was(std::vector{table_of(before)});
    const FileTree is(std::vector{table_of(after)});

    auto there = changes(was, is);
    const auto back = changes(is, was);

    for (std::string& row : there) {
        row[0] = row[0] == '+' ? '-' : row[0] == '-' ? '+' : '~';
    }
    RC_ASSERT(there == back);
    RC_ASSERT(changes(was, was).empty());
}

}  // namespace
}  // namespace kiln
