#pragma once

#include "layers/conda/installed/installed_package.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/base/bytes.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kiln::conda {

/// More records are no environment: the largest known have 1,500.
inline constexpr std::size_t k_installed_packages = 20'000;

/// What is installed below one prefix of an image.
struct InstalledEnvironment {
    std::string prefix;                      // "/opt/env"
    std::vector<InstalledPackage> packages;  // sorted by name, version and build
    bool operator==(const InstalledEnvironment&) const = default;
};

/// Reads the content of a file of the tree; whoever owns the layers gives it.
using ReadContent = std::function<Result<Bytes>(const tree::Node& file)>;

/// Every prefix of the image, sorted: a directory with conda-meta/history (cep-32), or with a
/// record there.
/// Shape    linear in the paths of the image; no content is read.
std::vector<std::string> find_prefixes(const tree::FileTree& tree);

/// The records of one prefix, and what pip installed beside them.
/// Shape    `read` is asked in the order in which the contents lie in each layer.
/// Errors   not_found: no environment there; corrupt, naming the record; too_large.
Result<InstalledEnvironment> read_environment(
    const tree::FileTree& tree, const std::string& prefix, const ReadContent& read
);

/// All environments of an image, sorted by prefix.
Result<std::vector<InstalledEnvironment>> read_environments(
    const tree::FileTree& tree, const ReadContent& read
);

}  // namespace kiln::conda
