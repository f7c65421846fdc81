#pragma once

#include "layers/tree/file_tree.hpp"
#include "store/base/error.hpp"

#include <functional>
#include <string_view>

namespace kiln::tree {

/// Takes one entry and says where its content lies: node.row.entry is what a layer or archive
/// lists, the content of a file is read from layer node.layer at node.row.content_offset.
using NodeSink = std::function<Result<void>(const Node& node)>;

/// A subtree as the entries of one layer: canonical order, names that are one file linked again
/// (the first is the file, the later ones hard links to it), the directory itself left out. Paths
/// stay those of the tree, links too. For `kiln export`, and COPY of directories.
/// Errors   those of the sink.
Result<void> flatten(const FileTree& tree, std::string_view directory, const NodeSink& sink);

}  // namespace kiln::tree
