#include "layers/conda/dependency_order.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kiln::conda {

std::vector<std::size_t> dependency_order(const std::vector<Dependent>& packages) {
    std::map<std::string_view, std::size_t> index_of;
    for (std::size_t i = 0; i < packages.size(); ++i) {
        index_of.try_emplace(packages[i].name, i);
    }
    std::vector<std::set<std::size_t>> waits_for(packages.size());
    std::vector<std::set<std::size_t>> needed_by(packages.size());
    for (std::size_t i = 0; i < packages.size(); ++i) {
        for (const std::string& depend : packages[i].depends) {
            const auto found = index_of.find(depend_name(depend));
            if (found != index_of.end() && found->second != i) {
                waits_for[i].insert(found->second);
                needed_by[found->second].insert(i);
            }
        }
    }
    std::set<std::size_t> ready;
    std::set<std::size_t> waiting;
    for (std::size_t i = 0; i < packages.size(); ++i) {
        (waits_for[i].empty() ? ready : waiting).insert(i);
    }
    std::vector<std::size_t> order;
    while (!ready.empty() || !waiting.empty()) {
        std::set<std::size_t>& from = ready.empty() ? waiting : ready;
        const std::size_t next = *from.begin();
        from.erase(from.begin());
        order.push_back(next);
        for (const std::size_t after : needed_by[next]) {
            waits_for[after].erase(next);
            if (waits_for[after].empty() && waiting.erase(after) > 0) {
                ready.insert(after);
            }
        }
    }
    return order;
}

std::string depend_name(std::string_view depend) {
    depend.remove_prefix(std::min(depend.find_first_not_of(" \t"), depend.size()));
    depend = depend.substr(0, depend.find_first_of(" \t=<>!~[;|,"));
    if (const std::size_t channel = depend.rfind("::"); channel != std::string_view::npos) {
        depend.remove_prefix(channel + 2);
    }
    std::string name(depend);
    std::transform(name.begin(), name.end(), name.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    });
    return name;
}

}  // namespace kiln::conda
