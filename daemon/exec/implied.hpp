#pragma once

#include "layers/table_of_contents.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/base/error.hpp"

#include <string>
#include <vector>

namespace kiln::exec {

/// The directories that a layer's paths lie in without the layer listing them, parents first. On
/// disk they had to be made of something (0755, root), and an overlay shows them as the topmost
/// layer has them.
std::vector<std::string> implied_directories(const TableOfContents& table);

/// Gives the upper directory, before anything is mounted, the directories that would look wrong
/// through the layers alone: the root, and each of `implied` that some layer of `lower` lists.
/// Shape    what was made, parents first.
Result<std::vector<std::string>> make_upper_like(
    int upper, const tree::FileTree& lower, const std::vector<std::string>& implied
);

}  // namespace kiln::exec
