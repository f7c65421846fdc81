#pragma once

#include "layers/conda/package_metadata.hpp"
#include "store/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// What noarch python packages need to know of the environment's `python`.
struct PythonInfo {
    std::string minor;          // "3.11"
    std::string site_packages;  // relative to the prefix: "lib/python3.11/site-packages"
    bool operator==(const PythonInfo&) const = default;
};

/// From the metadata of the package `python`: the first two parts of its version, and where cep-17
/// says its site-packages are. Errors   corrupt: a version without a minor, a path that leaves the
/// prefix.
Result<PythonInfo> python_info(const PackageMetadata& python);

/// One path below the prefix, and what makes it: a path of the manifest, or an entry point.
struct LinkTarget {
    std::string path;
    const ManifestPath* source = nullptr;
    const EntryPoint* entry_point = nullptr;
};

/// Where everything of a package goes, sorted by tar::path_less and unique: an entry point wins
/// over a file of its name, as it is written later. Pointers are into `metadata`.
/// Shape    `python` is read for noarch python packages only.
/// Errors   corrupt: a path lies below another that is no directory.
Result<std::vector<LinkTarget>> link_targets(
    const PackageMetadata& metadata, const PythonInfo& python
);

/// conda's get_python_noarch_target_path: site-packages/X and python-scripts/X move, all else
/// stays.
std::string noarch_python_path(std::string_view path, std::string_view site_packages);

/// Whether `path` lies below `directory` (which is not empty).
constexpr bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path[directory.size()] == '/'
           && path.starts_with(directory);
}

}  // namespace kiln::conda
