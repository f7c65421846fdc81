#pragma once

#include "layers/table_of_contents.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace kiln::tree {

/// Two nodes of one tree are names of one file exactly when these are equal (implied directories
/// aside): which layer, and which row of its table.
using Identity = std::tuple<std::size_t, std::size_t>;

/// One file system node of a merged view, and where it comes from. The content of a file is the
/// bytes [row.content_offset, + row.entry.size_bytes) of the tar of layer `layer`.
struct Node {
    TableRow row;               // row.entry.path is the path in the tree
    std::size_t layer = 0;      // index into the layers given to FileTree
    std::size_t row_index = 0;  // in that layer's table; k_implied for a parent nobody lists
    bool through_link = false;  // a hard link led here: row.entry is the file's, path its own

    static constexpr std::size_t k_implied = SIZE_MAX;

    [[nodiscard]] Identity identity() const { return {layer, row_index}; }
};

/// The merged view of layers (bottom first), answered from their tables of contents: no unpacking,
/// no mount. Whiteouts and opaque markers of a layer apply to the layers below it only (image-spec
/// layer.md), and are not nodes. A hard link is answered with the file it links to, looked up in
/// its own layer first, then below; one that leads nowhere is not there. Parents that no layer
/// lists exist as directories 0755 root. A path below something that is no directory in the same or
/// an upper layer is hidden; below a symlink or file of a lower layer, it replaces that by an
/// implied directory. Thread   immutable; any.
class FileTree {
  public:
    explicit FileTree(std::vector<std::shared_ptr<const TableOfContents>> layers);

    [[nodiscard]] const std::vector<std::shared_ptr<const TableOfContents>>& layers() const {
        return layers_;
    }

    /// The node at exactly this path ("" is the root), symlinks in its parents not followed.
    [[nodiscard]] std::optional<Node> find(std::string_view path) const;

    enum class Last : std::uint8_t {
        follow,
        keep
    };  // whether a symlink as last component is followed
    /// Follows symlinks with the tree's root as '/', never above it. The result may not exist: then
    /// it is the path that a write would create. Errors: invalid_input for a loop, or a file where
    /// a directory is needed.
    [[nodiscard]] Result<std::string> resolve(std::string_view path, Last last) const;

    /// Children of a directory (an exact, resolved path), sorted by name.
    [[nodiscard]] std::vector<Node> list(std::string_view directory) const;
    /// Everything below a directory in canonical order, without the directory itself. Linear in
    /// what it gives; large trees are better read through a TreeWalk, a node at a time.
    [[nodiscard]] std::vector<Node> walk(std::string_view directory) const;

  private:
    std::vector<std::shared_ptr<const TableOfContents>> layers_;
};

/// Reads a subtree node by node, in canonical order. The tree outlives the walk.
class TreeWalk {
  public:
    TreeWalk(const FileTree& tree, std::string_view directory);
    TreeWalk(const TreeWalk&) = delete;
    TreeWalk& operator=(const TreeWalk&) = delete;
    ~TreeWalk();

    /// The next node; nullopt at the end.
    std::optional<Node> next();
    /// Leaves out everything below the directory that next() gave last.
    void skip_children();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln::tree
