#pragma once

#include "layers/tree/file_tree.hpp"

#include <vector>

namespace kiln::tree {

/// What turns `before` into `after`, as the entries of one layer in canonical order: whiteouts only
/// for paths that exist before, none below a path that is whited out or replaced; parents of every
/// entry, changed or not; all names of a file when one of them, or which names it has, changed.
/// Empty when the trees are equal. Content lies in the layers of `after` (see flatten.hpp).
/// Law      FileTree(before, the layer of diff(before, after)) equals after.
std::vector<Node> diff(const FileTree& before, const FileTree& after);

}  // namespace kiln::tree
