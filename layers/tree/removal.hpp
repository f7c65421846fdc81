#pragma once

#include "layers/tree/file_tree.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace kiln::tree {

/// The uppermost layer that takes this path away: by a whiteout of it or of a directory above, or
/// by something that is no directory where one is needed. Asked for a path that is not in the tree,
/// it says who removed it; nullopt when no layer did.
std::optional<std::size_t> removing_layer(const FileTree& tree, std::string_view path);

}  // namespace kiln::tree
