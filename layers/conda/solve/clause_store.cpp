#include "layers/conda/solve/clause_store.hpp"

namespace kiln::conda {

ChoiceId ClauseStore::add_choice(Choice choice) {
    choices_.push_back(std::move(choice));
    return id_of<ChoiceId>(choices_.size() - 1);
}

std::uint32_t ClauseStore::add_requirement(
    Variable parent, std::span<const Variable> conditions, ChoiceId choice, std::uint32_t note
) {
    const auto index = static_cast<std::uint32_t>(requirements_.size());
    const auto begin = static_cast<std::uint32_t>(conditions_.size());
    conditions_.insert(conditions_.end(), conditions.begin(), conditions.end());
    const auto end = static_cast<std::uint32_t>(conditions_.size());
    const ClauseId id =
        add({ClauseKind::requirement, static_cast<std::uint32_t>(parent), index, note});
    requirements_.push_back({id, choice, begin, end});
    const std::vector<Variable>& members = choices_[index_of(choice)].members;
    if (!conditions.empty()) {
        start_watching(id, Literal::no(parent), Literal::no(conditions.front()));
    } else if (!members.empty()) {
        start_watching(id, Literal::no(parent), Literal::yes(members.front()));
    }
    return index;
}

ClauseId ClauseStore::add_pair(ClauseKind kind, Literal first, Literal second, std::uint32_t note) {
    const ClauseId id = add({kind, first.code, second.code, note});
    start_watching(id, first, second);
    return id;
}

ClauseId ClauseStore::add_exclusion(Variable variable, std::uint32_t note) {
    return add({ClauseKind::excluded, static_cast<std::uint32_t>(variable), 0, note});
}

ClauseId ClauseStore::add_learnt(std::span<const Literal> literals, std::vector<ClauseId> from) {
    const auto begin = static_cast<std::uint32_t>(literals_.size());
    literals_.insert(literals_.end(), literals.begin(), literals.end());
    const ClauseId id = add(
        {ClauseKind::learnt,
         begin,
         static_cast<std::uint32_t>(literals_.size()),
         static_cast<std::uint32_t>(learnt_from_.size())}
    );
    learnt_from_.push_back(std::move(from));
    if (literals.size() > 1) {
        start_watching(id, literals.front(), literals.back());
    }
    return id;
}

ClauseId ClauseStore::add(Clause clause) {
    clauses_.push_back(clause);
    watches_.emplace_back();
    return id_of<ClauseId>(clauses_.size() - 1);
}

void ClauseStore::start_watching(ClauseId id, Literal first, Literal second) {
    Watch& watch = watches_[index_of(id)];
    watch.literal[0] = first;
    watch.literal[1] = second;
    watch.next[0] = std::exchange(heads_[first.code], id);
    watch.next[1] = std::exchange(heads_[second.code], id);
}

}  // namespace kiln::conda
