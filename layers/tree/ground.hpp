#pragma once

#include "layers/tree/file_tree.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::tree {

/// A directory of upper layers that is not what it was on the ground they were made for.
struct ChangedGround {
    std::string path;
    std::string before;  // "a directory", "a symlink to usr/bin", "a file", "nothing"
    std::string after;
};

/// Whether layers that were made upon `before` mean the same upon `after`: what they hold lies in
/// directories that are no symlinks or files there, or the same symlinks as before. A directory
/// that only one of the grounds has is no difference: the layers bring it along, or it is implied.
/// Shape    the first path in the order of the layers; linear in their paths.
std::optional<ChangedGround> changed_ground(
    std::span<const std::shared_ptr<const TableOfContents>> upper,
    const FileTree& before,
    const FileTree& after
);

}  // namespace kiln::tree
