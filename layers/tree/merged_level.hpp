#pragma once

#include "layers/table_of_contents.hpp"
#include "layers/tree/file_tree.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The inside of FileTree: one directory of the merged view, as the ranges of rows that the layers
/// hold below it. A path is looked up by narrowing these ranges a component at a time; a layer that
/// does not know the directory costs nothing below it.
namespace kiln::tree {

using Tables = std::span<const std::shared_ptr<const TableOfContents>>;

struct LayerRange {
    std::size_t layer = 0;
    TableOfContents::Range rows;
};

/// The layers that hold something below one directory and are not hidden there, bottom first.
struct MergedLevel {
    std::string path;
    std::vector<LayerRange> ranges;

    /// Bytes of a row's path before the component that names a child.
    [[nodiscard]] std::size_t prefix_bytes() const { return path.empty() ? 0 : path.size() + 1; }
};

/// What one layer says of one child: the row of exactly its path, and the rows below.
struct Group {
    std::size_t layer = 0;
    std::optional<std::size_t> exact;
    TableOfContents::Range below;
};

/// A child of a merged directory. row_index is Node::k_implied for a directory nobody lists;
/// hard links are not followed yet.
struct Child {
    std::size_t layer = 0;
    std::size_t row_index = 0;
    bool is_directory = false;
    MergedLevel level;  // of a directory
};

/// The root of the lowest `count` layers.
Child root_of(Tables tables, std::size_t count);
/// The child of that name; nullopt when there is none, or only hidden or whiteout ones.
std::optional<Child> child_of(Tables tables, const MergedLevel& level, std::string_view name);
/// The child that is at `path` ("" is the root) of the lowest `count` layers.
std::optional<Child> locate(Tables tables, std::size_t count, std::string_view path);
/// The node of a child at `path`, hard links followed; nullopt for one that leads nowhere.
std::optional<Node> node_of(Tables tables, const Child& child, std::string_view path);

/// The children of one directory, by name.
class LevelCursor {
  public:
    LevelCursor(Tables tables, MergedLevel level);

    /// The next child and its name; the name lives as long as the tables.
    std::optional<std::pair<std::string_view, Child>> next();

    [[nodiscard]] const std::string& path() const { return level_.path; }

  private:
    struct Head {
        std::string_view name;
        std::size_t range = 0;  // index into level_.ranges, whose rows.begin is the row of `name`
    };

    /// A heap comparison: the least name first, of one name the lowest layer.
    static bool later(const Head& a, const Head& b);
    void push(std::size_t range);
    /// Takes all rows of the heap's first name; the visible ones, bottom first.
    std::vector<Group> take();

    Tables tables_;
    MergedLevel level_;
    std::vector<Head> heap_;
    std::vector<std::pair<std::string_view, std::size_t>> whiteouts_;  // name -> topmost layer
};

}  // namespace kiln::tree
