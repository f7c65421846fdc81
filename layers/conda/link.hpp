#pragma once

#include "layers/conda/package_metadata.hpp"
#include "store/base/error.hpp"

#include <deque>
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
    std::string_view path;
    const ManifestPath* source = nullptr;
    const EntryPoint* entry_point = nullptr;
};

/// Where everything of a package goes, sorted by tar::path_less and unique: an entry point wins
/// over a file of its name, as it is written later. Pointers, and paths that do not move, are into
/// the metadata.
class LinkTargets {
  public:
    LinkTargets() = default;
    LinkTargets(LinkTargets&&) = default;
    LinkTargets& operator=(LinkTargets&&) = default;
    LinkTargets(const LinkTargets&) = delete;  // its paths are into itself
    LinkTargets& operator=(const LinkTargets&) = delete;
    ~LinkTargets() = default;

    [[nodiscard]] auto begin() const { return targets_.begin(); }

    [[nodiscard]] auto end() const { return targets_.end(); }

    [[nodiscard]] std::size_t size() const { return targets_.size(); }

    const LinkTarget& operator[](std::size_t index) const { return targets_[index]; }

    /// `paths` are among these, in their order.
    void remove(const std::vector<std::string>& paths);

  private:
    friend Result<LinkTargets> link_targets(
        const PackageMetadata& metadata, const PythonInfo& python
    );
    std::vector<LinkTarget> targets_;
    std::deque<std::string> moved_;  // stays where it is
};

/// Shape    `python` is read for noarch python packages only.
/// Errors   corrupt: a path lies below another that is no directory.
Result<LinkTargets> link_targets(const PackageMetadata& metadata, const PythonInfo& python);

/// conda's get_python_noarch_target_path: site-packages/X and python-scripts/X move, all else
/// stays.
std::string noarch_python_path(std::string_view path, std::string_view site_packages);

/// Whether `path` lies below `directory` (which is not empty).
constexpr bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path[directory.size()] == '/'
           && path.starts_with(directory);
}

}  // namespace kiln::conda
