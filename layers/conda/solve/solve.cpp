#include "layers/conda/solve/solve.hpp"

#include "layers/conda/dependency_order.hpp"
#include "layers/conda/solve/attempt.hpp"
#include "layers/conda/solve/explanation.hpp"
#include "layers/conda/solve/spec_table.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace kiln::conda {

namespace {

/// What is asked for twice is asked for once.
Result<std::vector<RootSpec>> root_specs(const Request& request, SpecTable& table) {
    std::vector<RootSpec> roots;
    for (const PackageRecord& record : request.virtual_packages) {
        roots.push_back({nullptr, {{table.any(table.name(record.name))}}});
    }
    std::set<std::string> asked;
    for (const RequestedSpec& requested : request.specs) {
        if (asked.insert(requested.spec.text()).second) {
            TRY_ASSIGN(Dependency dependency, table.add(requested.spec, text_of(requested)));
            roots.push_back({&requested, std::move(dependency)});
        }
    }
    return roots;
}

Result<std::vector<SpecId>> pin_specs(const Request& request, SpecTable& table) {
    std::vector<SpecId> pins;
    for (const RequestedSpec& pin : request.pins) {
        TRY_ASSIGN(const Dependency dependency, table.add(pin.spec, text_of(pin)));
        pins.push_back(dependency.specs.back());
    }
    return pins;
}

/// Dependencies first, and by name where nothing else decides.
std::vector<PackageRecord> in_link_order(std::vector<const PackageRecord*> records) {
    std::sort(
        records.begin(),
        records.end(),
        [](const PackageRecord* left, const PackageRecord* right) {
            return left->name < right->name;
        }
    );
    std::vector<Dependent> dependents;
    for (const PackageRecord* record : records) {
        Dependent& dependent = dependents.emplace_back(Dependent{record->name, record->depends});
        for (const ExtraDepends& extra : record->extra_depends) {
            dependent.depends.insert(
                dependent.depends.end(), extra.depends.begin(), extra.depends.end()
            );
        }
        if (record->noarch == Noarch::python) {
            dependent.depends.emplace_back("python");  // whether it says so or not
        }
    }
    std::vector<PackageRecord> ordered;
    for (const std::size_t index : dependency_order(dependents)) {
        ordered.push_back(*records[index]);
    }
    return ordered;
}

}  // namespace

Result<Solution> solve(const Request& request, RecordSource& source, const std::stop_token& stop) {
    SpecTable table;
    TRY_ASSIGN(const std::vector<RootSpec> roots, root_specs(request, table));
    TRY_ASSIGN(std::vector<SpecId> pins, pin_specs(request, table));
    const Question question{request, std::move(pins), table, source, stop};
    TRY_ASSIGN(
        const std::unique_ptr<Attempt> attempt,
        Attempt::make(question, roots, request.limits.conflicts)
    );
    if (!attempt->satisfied()) {
        return fail(explain(question, roots, *attempt));
    }
    return Solution{in_link_order(attempt->installed()), attempt->counts()};
}

}  // namespace kiln::conda
