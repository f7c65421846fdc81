#pragma once

#include "layers/conda/installed/installed_environment.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::conda {

enum class PackageChangeKind : std::uint8_t {
    added,
    removed,
    upgraded,
    downgraded,
    version,  // spelt otherwise, or one that has no order
    build,    // the same version, built otherwise
    content,  // the same name throughout, other bytes or another origin
};

/// One package that differs. Pointers are into what was compared.
struct PackageChange {
    PackageChangeKind kind = PackageChangeKind::added;
    const InstalledPackage* before = nullptr;  // null: added
    const InstalledPackage* after = nullptr;   // null: removed

    [[nodiscard]] const std::string& name() const {
        return before != nullptr ? before->name : after->name;
    }
};

/// One environment in two images.
struct EnvironmentDifference {
    std::string prefix_before;           // empty: the environment is new
    std::string prefix_after;            // empty: it is gone
    std::vector<PackageChange> changes;  // sorted by name
    std::size_t unchanged = 0;
};

/// By package. compare(a, a) has no changes; compare(b, a) is compare(a, b) turned round.
EnvironmentDifference compare(
    const InstalledEnvironment& before, const InstalledEnvironment& after
);

/// By prefix; where both images have one environment only, these two whatever their prefixes.
std::vector<EnvironmentDifference> compare(
    const std::vector<InstalledEnvironment>& before, const std::vector<InstalledEnvironment>& after
);

}  // namespace kiln::conda
