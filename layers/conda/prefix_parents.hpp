#pragma once

#include "layers/layer_builder.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/base/error.hpp"

#include <string>
#include <vector>

namespace kiln::conda {

/// The directories above a prefix that a base lacks, upper ones first: "opt" of "/opt/env". Package
/// layers hold nothing above the prefix, so that they fit on any base; what the base has keeps its
/// mode, owner and time.
/// Errors   invalid_input: something of the base stands in the way, where a layer's directory would
///          hide it. A symlink there is told with the prefix that it leads to.
Result<std::vector<std::string>> missing_parents(
    const std::string& prefix, const tree::FileTree& base
);

/// A layer of these directories alone: 0755, of root, at k_made_mtime.
Result<void> write_parents_layer(const std::vector<std::string>& parents, LayerBuilder& layer);

}  // namespace kiln::conda
