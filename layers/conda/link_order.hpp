#pragma once

#include "layers/conda/package_metadata.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// The order in which packages are linked: what a package depends on comes before it, otherwise the
/// order given. A circle is cut at the package that was given first.
/// Shape    a permutation of the indexes.
std::vector<std::size_t> link_order(const std::vector<const PackageMetadata*>& packages);

/// The name in a dependency: "numpy" of "conda-forge::numpy >=1.9.3,<2.0a0".
std::string depend_name(std::string_view depend);

}  // namespace kiln::conda
