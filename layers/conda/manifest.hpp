#pragma once

#include "layers/conda/package_metadata.hpp"
#include "store/base/error.hpp"

#include <string_view>
#include <vector>

namespace kiln::conda {

/// info/paths.json (cep-34), sorted by tar::path_less; of a path named twice the first one counts.
/// Errors   corrupt: another version, a path that is absolute or leaves the package; too_large.
Result<std::vector<ManifestPath>> read_paths_json(std::string_view text);

/// What packages before 2017 have instead: info/files, info/has_prefix and info/no_link. All paths
/// come out as files: whether one is a symlink, only the archive's member says.
Result<std::vector<ManifestPath>> read_old_manifest(
    std::string_view files, std::string_view has_prefix, std::string_view no_link
);

}  // namespace kiln::conda
