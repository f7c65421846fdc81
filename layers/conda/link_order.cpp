#include "layers/conda/link_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kiln::conda {

namespace {

Dependent dependent_of(const PackageMetadata& package) {
    Dependent dependent{.name = package.name, .depends = package.depends};
    if (package.name == "python") {
        // conda may have been told to have python ask for pip; python goes first all the same.
        std::erase_if(dependent.depends, [](const std::string& depend) {
            return depend_name(depend) == "pip";
        });
    }
    if (package.noarch == Noarch::python) {
        dependent.depends.emplace_back("python");  // whether it says so or not
    }
    return dependent;
}

}  // namespace

std::vector<std::size_t> link_order(const std::vector<const PackageMetadata*>& packages) {
    std::vector<std::size_t> by_name(packages.size());
    std::iota(by_name.begin(), by_name.end(), std::size_t{0});
    std::sort(by_name.begin(), by_name.end(), [&](std::size_t a, std::size_t b) {
        return packages[a]->name > packages[b]->name;
    });
    std::vector<Dependent> dependents;
    dependents.reserve(packages.size());
    for (const std::size_t index : by_name) {
        dependents.push_back(dependent_of(*packages[index]));
    }
    std::vector<std::size_t> order;
    for (const std::size_t place : dependency_order(dependents)) {
        order.push_back(by_name[place]);
    }
    return order;
}

}  // namespace kiln::conda
