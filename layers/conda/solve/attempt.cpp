#include "layers/conda/solve/attempt.hpp"

namespace kiln::conda {

Result<std::unique_ptr<Attempt>> Attempt::make(
    const Question& question, std::span<const RootSpec> roots, std::size_t most_conflicts
) {
    std::unique_ptr<Attempt> attempt(new Attempt(question, roots));
    TRY(attempt->encoder_.encode(roots, question.pins, question.stop));
    TRY_ASSIGN(attempt->outcome_, attempt->engine_.run(most_conflicts, question.stop));
    return attempt;
}

Attempt::Attempt(const Question& question, std::span<const RootSpec> roots)
    : pool_(question.request, roots, question.table, question.source),
      encoder_(pool_, engine_) {}

std::vector<const PackageRecord*> Attempt::installed() const {
    std::vector<const PackageRecord*> records;
    for (const Assignment& assignment : engine_.trail().assignments()) {
        if (!assignment.value) {
            continue;
        }
        if (const auto id = encoder_.candidate_of(assignment.variable)) {
            const PackageRecord* record = pool_.candidate(*id).record;
            if (record != nullptr && !record->is_virtual) {
                records.push_back(record);
            }
        }
    }
    return records;
}

SolveCounts Attempt::counts() const {
    return {
        .candidates = pool_.size(),
        .clauses = engine_.clauses().size(),
        .decisions = engine_.counts().decisions,
        .conflicts = engine_.counts().conflicts,
    };
}

}  // namespace kiln::conda
