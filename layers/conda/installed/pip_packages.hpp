#pragma once

#include "layers/conda/installed/installed_environment.hpp"

#include <string>
#include <vector>

namespace kiln::conda {

/// More in one prefix are no environment.
inline constexpr std::size_t k_pip_packages = 20'000;

/// What pip (or uv, or poetry) put into the site-packages of a prefix beside conda's packages: each
/// NAME.dist-info (PEP 376) and, as setuptools and distutils left them, NAME.egg-info that no
/// record of `conda` names a file of. Links to where something is developed are not followed.
/// Sorted by name, version and place. Shape    `read` is asked in the order in which the contents
/// lie in each layer. Errors   too_large; those of `read`. What a METADATA does not tell, its
/// directory's name does.
Result<std::vector<InstalledPackage>> read_pip_packages(
    const tree::FileTree& tree,
    const std::string& prefix,
    const std::vector<InstalledPackage>& conda,
    const ReadContent& read
);

}  // namespace kiln::conda
