#pragma once

#include "layers/conda/dependency_order.hpp"
#include "layers/conda/package_metadata.hpp"

#include <cstddef>
#include <vector>

namespace kiln::conda {

/// The order in which packages are linked: what a package depends on comes before it, otherwise the
/// order given. A circle is cut at the package that was given first.
/// Shape    a permutation of the indexes.
std::vector<std::size_t> link_order(const std::vector<const PackageMetadata*>& packages);

}  // namespace kiln::conda
