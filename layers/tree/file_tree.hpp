#pragma once

#include "layers/table_of_contents.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::tree {

/// One file system node of a merged view, and which layer it comes from (content is read from
/// there).
struct Node {
    TableRow row;           // row.entry.path is the path in the tree
    std::size_t layer = 0;  // index into the layers given to FileTree
};

/// The merged view of layers (bottom first), answered from their tables of contents: no unpacking,
/// no mount. Whiteouts and opaque markers of a layer apply to the layers below it only (image-spec
/// layer.md). A hard link is answered with the file it links to. Parents that no layer lists exist
/// as directories 0755 root. Thread   immutable; any.
class FileTree {
  public:
    explicit FileTree(std::vector<std::shared_ptr<const TableOfContents>> layers);

    /// The node at exactly this path, symlinks in its parents not followed. nullopt when there is
    /// none.
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
    /// Everything below a directory in canonical order, without the directory itself.
    [[nodiscard]] std::vector<Node> walk(std::string_view directory) const;

  private:
    std::vector<std::shared_ptr<const TableOfContents>> layers_;
};

}  // namespace kiln::tree
