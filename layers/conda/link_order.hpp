#pragma once

#include "layers/conda/dependency_order.hpp"
#include "layers/conda/package_metadata.hpp"

#include <cstddef>
#include <vector>

namespace kiln::conda {

/// The order in which packages are linked, whatever order they are given in: what a package depends
/// on comes before it; of those that are free to go, the last by name goes first. So of two
/// packages that know nothing of each other the first by name is linked last and keeps the paths
/// that both have, as rattler settles it, whose test packages ask for it. A circle is cut at its
/// last by name.
/// Shape    a permutation of the indexes; names are unique.
std::vector<std::size_t> link_order(const std::vector<const PackageMetadata*>& packages);

}  // namespace kiln::conda
