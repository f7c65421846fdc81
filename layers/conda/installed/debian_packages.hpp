#pragma once

#include "layers/conda/installed/difference.hpp"
#include "layers/conda/installed/installed_environment.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// The status of a full desktop has 6 MiB and 4,000 packages.
inline constexpr std::size_t k_dpkg_status_bytes = 64UL * 1024 * 1024;
inline constexpr std::size_t k_debian_packages = 50'000;

/// One package as dpkg's status has it.
struct DebianPackage {
    std::string name;
    std::string version;
    std::string architecture;
    std::string source;          // "glibc" of libc6; the name itself where nothing else is said
    std::string source_version;  // the version itself where nothing else is said
    /// Names that each need is met by: "a | b" is one need of two names. Versions are left out.
    std::vector<std::vector<std::string>> depends;
    bool operator==(const DebianPackage&) const = default;
};

/// What dpkg installed in an image, and on which distribution.
struct DebianPackages {
    std::string distribution;             // ID of os-release: "debian"; empty: not told
    std::string release;                  // VERSION_ID: "12"; may be empty
    std::vector<DebianPackage> packages;  // sorted by name and architecture, each once
    bool operator==(const DebianPackages&) const = default;
};

/// var/lib/dpkg/status, or one file of status.d, where no state is told. What is not installed
/// (removed, with its configuration left) is left out, and so is what has no name or version.
/// Errors   too_large.
Result<std::vector<DebianPackage>> read_dpkg_status(std::string_view text);

/// Of an image: status, and the files of status.d as images of few packages have them
/// ("distroless"). Empty where there is no dpkg.
/// Errors   too_large; those of `read`.
Result<DebianPackages> read_debian_packages(const tree::FileTree& tree, const ReadContent& read);

/// One package that differs. Pointers are into what was compared.
struct DebianChange {
    PackageChangeKind kind = PackageChangeKind::added;
    const DebianPackage* before = nullptr;  // null: added
    const DebianPackage* after = nullptr;   // null: removed
};

struct DebianDifference {
    std::vector<DebianChange> changes;  // sorted by name and architecture
    std::size_t unchanged = 0;
};

/// By name and architecture, in the order of Debian's versions.
DebianDifference compare(const DebianPackages& before, const DebianPackages& after);

}  // namespace kiln::conda
