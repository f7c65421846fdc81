#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// A package and its dependencies as it writes them.
struct Dependent {
    std::string_view name;
    std::vector<std::string> depends;
};

/// What a package depends on comes before it, otherwise the order given. A circle is cut at the
/// package that was given first.
/// Shape    a permutation of the indexes.
std::vector<std::size_t> dependency_order(const std::vector<Dependent>& packages);

/// The name in a dependency: "numpy" of "conda-forge::numpy >=1.9.3,<2.0a0".
std::string depend_name(std::string_view depend);

}  // namespace kiln::conda
