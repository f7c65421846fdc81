#pragma once

#include "layers/conda/solve/literal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace kiln::conda {

/// Candidates that several requirements share.
enum class ChoiceId : std::uint32_t {};

/// Why a clause is there.
enum class ClauseKind : std::uint8_t {
    requirement,   // not parent, or a condition does not hold, or a member of the choice
    constraint,    // not both
    one_per_name,  // part of the binary encoding of at most one
    condition,     // what makes an auxiliary variable true
    excluded,      // not this one
    learnt,
};

struct Clause {
    ClauseKind kind = ClauseKind::learnt;
    std::uint32_t first = 0;   // a variable, a literal, or where a learnt clause begins
    std::uint32_t second = 0;  // a requirement, a literal, or where a learnt clause ends
    std::uint32_t note = 0;    // of learnt ones: from what; of others: the caller's
};

struct Choice {
    Group group;
    std::vector<Variable> members;  // in the order in which they are tried
};

struct Requirement {
    static constexpr std::uint32_t k_none = 0xffffffff;

    ClauseId clause;
    ChoiceId choice;
    std::uint32_t conditions_begin;
    std::uint32_t conditions_end;
    std::uint32_t next = k_none;  // of the same parent
};

/// Clauses, kept as what they stand for rather than as lists of literals: there are many, most are
/// of two literals, and requirements share their candidates. Each clause of two or more literals
/// watches two of them; the clauses that watch a literal form a list, the newest first.
class ClauseStore {
  public:
    void add_variable() { heads_.insert(heads_.end(), 2, ClauseId::none); }

    ChoiceId add_choice(Choice choice);
    /// Returns the index of the requirement.
    std::uint32_t add_requirement(
        Variable parent, std::span<const Variable> conditions, ChoiceId choice, std::uint32_t note
    );
    ClauseId add_pair(ClauseKind kind, Literal first, Literal second, std::uint32_t note);
    ClauseId add_exclusion(Variable variable, std::uint32_t note);
    /// The last literal is the one that it asserts.
    ClauseId add_learnt(std::span<const Literal> literals, std::vector<ClauseId> from);

    [[nodiscard]] std::size_t size() const { return clauses_.size(); }

    [[nodiscard]] const Clause& clause(ClauseId id) const { return clauses_[index_of(id)]; }

    [[nodiscard]] const Choice& choice(ChoiceId id) const { return choices_[index_of(id)]; }

    [[nodiscard]] Requirement& requirement(std::uint32_t index) { return requirements_[index]; }

    [[nodiscard]] const Requirement& requirement(std::uint32_t index) const {
        return requirements_[index];
    }

    [[nodiscard]] std::span<const Variable> conditions(const Requirement& requirement) const {
        return std::span(conditions_)
            .subspan(
                requirement.conditions_begin,
                requirement.conditions_end - requirement.conditions_begin
            );
    }

    [[nodiscard]] const std::vector<ClauseId>& learnt_from(const Clause& learnt) const {
        return learnt_from_[learnt.note];
    }

    /// Calls `visit` with each literal, in the clause's order, until it says true.
    template<class Visit>
    bool any_literal(const Clause& clause, Visit&& visit) const {
        switch (clause.kind) {
            case ClauseKind::requirement:
                return any_of_requirement(clause, visit);
            case ClauseKind::constraint:
            case ClauseKind::one_per_name:
            case ClauseKind::condition:
                return visit(Literal{clause.first}) || visit(Literal{clause.second});
            case ClauseKind::excluded:
                return visit(Literal::no(Variable{clause.first}));
            case ClauseKind::learnt:
                break;
        }
        const auto literals =
            std::span(literals_).subspan(clause.first, clause.second - clause.first);
        return std::any_of(literals.begin(), literals.end(), visit);
    }

    struct Watch {
        Literal literal[2];
        ClauseId next[2] = {ClauseId::none, ClauseId::none};
    };

    /// The newest clause that watches the literal.
    ClauseId& head(Literal literal) { return heads_[literal.code]; }

    Watch& watch(ClauseId id) { return watches_[index_of(id)]; }

  private:
    template<class Visit>
    bool any_of_requirement(const Clause& clause, Visit&& visit) const {
        const Requirement& requirement = requirements_[clause.second];
        const auto conditions = this->conditions(requirement);
        const std::vector<Variable>& members = choice(requirement.choice).members;
        const auto no = [&](Variable variable) { return visit(Literal::no(variable)); };
        const auto yes = [&](Variable variable) { return visit(Literal::yes(variable)); };
        return no(Variable{clause.first}) || std::any_of(conditions.begin(), conditions.end(), no)
               || std::any_of(members.begin(), members.end(), yes);
    }

    ClauseId add(Clause clause);
    void start_watching(ClauseId id, Literal first, Literal second);

    std::vector<Clause> clauses_;
    std::vector<Watch> watches_;   // one a clause
    std::vector<ClauseId> heads_;  // one a literal
    std::vector<Choice> choices_;
    std::vector<Requirement> requirements_;
    std::vector<Variable> conditions_;
    std::vector<Literal> literals_;                   // of learnt clauses
    std::vector<std::vector<ClauseId>> learnt_from_;  // one a learnt clause
};

}  // namespace kiln::conda
