#include "layers/conda/link_order.hpp"

#include <utility>

namespace kiln::conda {

std::vector<std::size_t> link_order(const std::vector<const PackageMetadata*>& packages) {
    std::vector<Dependent> dependents;
    dependents.reserve(packages.size());
    for (const PackageMetadata* package : packages) {
        Dependent dependent{.name = package->name, .depends = package->depends};
        if (package->noarch == Noarch::python) {
            dependent.depends.emplace_back("python");  // whether it says so or not
        }
        dependents.push_back(std::move(dependent));
    }
    return dependency_order(dependents);
}

}  // namespace kiln::conda
