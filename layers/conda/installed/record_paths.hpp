#pragma once

#include "layers/conda/installed/installed_package.hpp"
#include "store/base/json.hpp"

#include <vector>

namespace kiln::conda {

/// What `files` and `paths_data` of a record say together, sorted and unique. Records of noarch
/// python packages by conda 4 hold in paths_data where a file lay in the package, and in `files`
/// where it lies in the prefix; records before that have `files` only.
/// Errors   corrupt: a path that leaves the prefix; too_large.
Result<std::vector<InstalledPath>> read_record_paths(
    const std::vector<std::string>& files, const json::Value* paths_data
);

}  // namespace kiln::conda
