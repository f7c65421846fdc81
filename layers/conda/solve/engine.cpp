#include "layers/conda/solve/engine.hpp"

#include "store/base/stop.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

constexpr float k_activity_decay = 0.95F;
constexpr std::uint32_t k_root_level = 1;

}  // namespace

Variable Engine::add_variable(Group group) {
    const auto variable = id_of<Variable>(group_of_.size());
    trail_.add_variable();
    clauses_.add_variable();
    place_of_.push_back(k_none);
    group_of_.push_back(group);
    seen_.push_back(0);
    if (group != Group::none && index_of(group) >= true_in_.size()) {
        true_in_.resize(index_of(group) + 1, 0);
        activity_.resize(index_of(group) + 1, 0.0F);
    }
    return variable;
}

ChoiceId Engine::add_choice(Group group, std::vector<Variable> members) {
    if (index_of(group) >= true_in_.size()) {
        true_in_.resize(index_of(group) + 1, 0);
        activity_.resize(index_of(group) + 1, 0.0F);
    }
    return clauses_.add_choice({group, std::move(members)});
}

ClauseId Engine::add_requirement(
    Variable parent, std::span<const Variable> conditions, ChoiceId choice, std::uint32_t note
) {
    const std::uint32_t index = clauses_.add_requirement(parent, conditions, choice, note);
    const ClauseId id = clauses_.requirement(index).clause;
    if (std::uint32_t& place = place_of_[index_of(parent)]; place == k_none) {
        place = static_cast<std::uint32_t>(parents_.size());
        parents_.push_back({parent, index, index});
    } else {
        Parent& known = parents_[place];
        clauses_.requirement(std::exchange(known.last, index)).next = index;
    }
    if (conditions.empty() && clauses_.choice(choice).members.empty()) {
        exclusions_.push_back(id);
    }
    return id;
}

void Engine::add_exclusion(Variable variable, std::uint32_t note) {
    exclusions_.push_back(clauses_.add_exclusion(variable, note));
}

Result<Engine::Outcome> Engine::run(std::size_t most_conflicts, const std::stop_token& stop) {
    std::uint32_t level = k_root_level;
    ASSERT(assign(Literal::yes(root), ClauseId::none, level));
    ClauseId conflict = assign_exclusions();
    for (;;) {
        TRY(check(stop), "while solving");
        if (conflict == ClauseId::none) {
            conflict = propagate(level);
        }
        if (conflict != ClauseId::none && level == k_root_level) {
            find_core(conflict);
            return Outcome::unsatisfiable;
        }
        if (conflict != ClauseId::none) {
            if (++counts_.conflicts > most_conflicts) {
                return fail(
                    Code::too_large,
                    "no answer after {} conflicts, the most allowed",
                    most_conflicts
                );
            }
            const Learnt learnt = learn(std::exchange(conflict, ClauseId::none), level);
            level = learnt.level;
            ASSERT(assign(learnt.asserted, learnt.clause, level));
            continue;
        }
        const std::optional<Decision> decision = decide();
        if (!decision) {
            return Outcome::satisfied;
        }
        ++counts_.decisions;
        ++level;
        ASSERT(assign(Literal::yes(decision->variable), decision->requirement, level));
    }
}

/// False when the variable has the other value already.
bool Engine::assign(Literal literal, ClauseId why, std::uint32_t level) {
    if (const Value known = trail_.value(literal); known != Value::undecided) {
        return known == Value::yes;
    }
    trail_.assign(literal, why, level);
    if (literal.wants()) {
        const std::size_t variable = index_of(literal.variable());
        if (const Group group = group_of_[variable]; group != Group::none) {
            ++true_in_[index_of(group)];
        }
        if (const std::uint32_t place = place_of_[variable]; place != k_none) {
            const auto at = std::lower_bound(true_parents_.begin(), true_parents_.end(), place);
            true_parents_.insert(at, place);
        }
    }
    return true;
}

Assignment Engine::undo_last() {
    const Assignment last = trail_.undo_last();
    if (last.value) {
        const std::size_t variable = index_of(last.variable);
        if (const Group group = group_of_[variable]; group != Group::none) {
            --true_in_[index_of(group)];
        }
        if (const std::uint32_t place = place_of_[variable]; place != k_none) {
            true_parents_.erase(std::lower_bound(true_parents_.begin(), true_parents_.end(), place)
            );
        }
    }
    return last;
}

/// Clauses of one literal, which nothing watches. Like propagate(), the clause that cannot hold.
ClauseId Engine::assign_exclusions() {
    for (const ClauseId id : exclusions_) {
        const Variable variable{clauses_.clause(id).first};
        if (!assign(Literal::no(variable), id, k_root_level)) {
            return id;
        }
    }
    return ClauseId::none;
}

/// Assigns what follows; returns the clause that cannot hold any more, or none.
ClauseId Engine::propagate(std::uint32_t level) {
    while (const Assignment* assignment = trail_.next_to_propagate()) {
        const Literal falsified = assignment->value ? Literal::no(assignment->variable)
                                                    : Literal::yes(assignment->variable);
        ClauseId* link = &clauses_.head(falsified);
        while (*link != ClauseId::none) {
            const ClauseId id = *link;
            ClauseStore::Watch& watch = clauses_.watch(id);
            const std::size_t side = watch.literal[0] == falsified ? 0 : 1;
            const Literal other = watch.literal[1 - side];
            if (trail_.value(other) == Value::yes) {
                link = &watch.next[side];
            } else if (const auto moved = other_to_watch(clauses_.clause(id), other)) {
                *link = watch.next[side];
                watch.literal[side] = *moved;
                watch.next[side] = std::exchange(clauses_.head(*moved), id);
            } else if (assign(other, id, level)) {
                link = &watch.next[side];
            } else {
                return id;
            }
        }
    }
    return ClauseId::none;
}

std::optional<Literal> Engine::other_to_watch(const Clause& clause, Literal kept) const {
    if (clause.kind != ClauseKind::requirement && clause.kind != ClauseKind::learnt) {
        return std::nullopt;  // it has two literals and watches both
    }
    std::optional<Literal> found;
    clauses_.any_literal(clause, [&](Literal literal) {
        if (literal == kept || trail_.value(literal) == Value::no) {
            return false;
        }
        found = literal;
        return true;
    });
    return found;
}

/// The first requirement that is not met, the user's own before all others, then in the order of
/// parents; a later one only when its package took part in more conflicts and fewer candidates are
/// left for it.
std::optional<Engine::Decision> Engine::decide() const {
    std::optional<Decision> best;
    for (const std::uint32_t place : true_parents_) {
        const Parent& parent = parents_[place];
        for (std::uint32_t i = parent.first; i != k_none; i = clauses_.requirement(i).next) {
            const Requirement& requirement = clauses_.requirement(i);
            const Choice& choice = clauses_.choice(requirement.choice);
            // What is true in the group is a member: propagation saw to that.
            const float activity = activity_[index_of(choice.group)];
            if (true_in_[index_of(choice.group)] != 0 || (best && best->activity >= activity)) {
                continue;
            }
            const auto conditions = clauses_.conditions(requirement);
            if (!std::all_of(conditions.begin(), conditions.end(), [this](Variable condition) {
                    return is_true(condition);
                })) {
                continue;
            }
            Decision decision{root, requirement.clause, activity, 0};
            for (const Variable member : choice.members) {
                if (trail_.value(member) == Value::undecided && decision.undecided++ == 0) {
                    decision.variable = member;
                }
            }
            ASSERT(decision.undecided != 0);
            if (!best || decision.undecided < best->undecided) {
                best = decision;
            }
        }
        if (best && parent.variable == root) {
            break;
        }
    }
    return best;
}

/// Resolves the clause that cannot hold with the reasons of its literals, the newest first, until
/// one literal of this level is left. Leaves the trail at the level at which the learnt clause
/// asserts that literal.
Engine::Learnt Engine::learn(ClauseId conflict, std::uint32_t level) {
    const auto stamp = static_cast<std::uint32_t>(counts_.conflicts);
    std::vector<Literal> literals;
    std::vector<ClauseId> from;
    std::uint32_t back_to = k_root_level;
    std::size_t open = 0;  // literals of this level that are not resolved yet
    Assignment resolved{root, true, conflict};
    do {
        const bool first = from.empty();
        from.push_back(resolved.why);
        clauses_.any_literal(clauses_.clause(resolved.why), [&](Literal literal) {
            const Variable variable = literal.variable();
            if ((!first && variable == resolved.variable) || seen_[index_of(variable)] == stamp) {
                return false;
            }
            seen_[index_of(variable)] = stamp;
            if (const std::uint32_t assigned_at = trail_.level(variable); assigned_at == level) {
                ++open;
            } else {
                literals.push_back(literal);
                back_to = std::max(back_to, assigned_at);
            }
            return false;
        });
        ASSERT(open > 0);
        do {
            resolved = undo_last();
        } while (seen_[index_of(resolved.variable)] != stamp);
    } while (--open > 0);

    const Literal asserted =
        resolved.value ? Literal::no(resolved.variable) : Literal::yes(resolved.variable);
    literals.push_back(asserted);
    raise_activity(literals);
    while (trail_.level(trail_.assignments().back().variable) > back_to) {
        undo_last();
    }
    return {clauses_.add_learnt(literals, std::move(from)), asserted, back_to};
}

void Engine::raise_activity(std::span<const Literal> learnt) {
    for (const Literal literal : learnt) {
        if (const Group group = group_of_[index_of(literal.variable())]; group != Group::none) {
            activity_[index_of(group)] += 1.0F;
        }
    }
    for (float& activity : activity_) {
        activity *= k_activity_decay;
    }
}

/// Follows the reasons of a conflict that no decision led to, through what was learnt on the way.
void Engine::find_core(ClauseId conflict) {
    std::vector<bool> involved(group_of_.size());
    std::vector<bool> seen(clauses_.size());
    const auto involve = [&](ClauseId id) {
        add_to_core(id, seen);
        clauses_.any_literal(clauses_.clause(id), [&](Literal literal) {
            involved[index_of(literal.variable())] = true;
            return false;
        });
    };
    involve(conflict);
    const std::vector<Assignment>& assignments = trail_.assignments();
    for (auto assignment = assignments.rbegin(); assignment != assignments.rend(); ++assignment) {
        if (involved[index_of(assignment->variable)] && assignment->why != ClauseId::none) {
            involve(assignment->why);
        }
    }
    std::sort(core_.begin(), core_.end());
}

void Engine::add_to_core(ClauseId id, std::vector<bool>& seen) {
    std::vector<ClauseId> open = {id};
    while (!open.empty()) {
        const ClauseId next = open.back();
        open.pop_back();
        if (seen[index_of(next)]) {
            continue;
        }
        seen[index_of(next)] = true;
        const Clause& clause = clauses_.clause(next);
        if (clause.kind == ClauseKind::learnt) {
            const std::vector<ClauseId>& from = clauses_.learnt_from(clause);
            open.insert(open.end(), from.begin(), from.end());
        } else {
            core_.push_back(next);
        }
    }
}

}  // namespace kiln::conda
