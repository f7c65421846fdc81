#pragma once

#include "layers/conda/solve/clause_store.hpp"
#include "layers/conda/solve/literal.hpp"
#include "layers/conda/solve/trail.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace kiln::conda {

/// Conflict-driven clause learning over the clauses of package requirements: decides, propagates by
/// watched literals, learns at the first unique implication point and jumps back. Each of its
/// steps is a function of the order in which clauses were added (spec/conda.md 2.2, rules 4 and 5),
/// so that it finds the one model that resolvo 0.10.1 finds, not just any.
/// Shape    variables, choices and clauses are added, then run() once.
class Engine {
  public:
    enum class Outcome : std::uint8_t { satisfied, unsatisfiable };

    struct Counts {
        std::size_t decisions = 0;
        std::size_t conflicts = 0;
    };

    /// Variable 0: true in every model; the parent of what the user asks for.
    static constexpr Variable root{0};

    Engine() { add_variable(Group::none); }

    Variable add_variable(Group group);
    /// Members are of `group`, of which an encoding elsewhere lets only one be true.
    ChoiceId add_choice(Group group, std::vector<Variable> members);
    /// Where `parent` and all `conditions` are true, a member of the choice must be.
    ClauseId add_requirement(
        Variable parent, std::span<const Variable> conditions, ChoiceId choice, std::uint32_t note
    );

    void add_pair(ClauseKind kind, Literal first, Literal second, std::uint32_t note = 0) {
        clauses_.add_pair(kind, first, second, note);
    }

    /// Never true.
    void add_exclusion(Variable variable, std::uint32_t note);

    /// Errors   too_large after `most_conflicts`; cancelled.
    Result<Outcome> run(std::size_t most_conflicts, const std::stop_token& stop);

    [[nodiscard]] bool is_true(Variable variable) const {
        return trail_.value(variable) == Value::yes;
    }

    /// After unsatisfiable: clauses that contradict each other, none of them learnt, in order.
    [[nodiscard]] const std::vector<ClauseId>& core() const { return core_; }

    [[nodiscard]] const ClauseStore& clauses() const { return clauses_; }

    [[nodiscard]] const Trail& trail() const { return trail_; }

    [[nodiscard]] Counts counts() const { return counts_; }

  private:
    static constexpr std::uint32_t k_none = Requirement::k_none;

    struct Parent {
        Variable variable;
        std::uint32_t first;  // requirement
        std::uint32_t last;
    };

    struct Decision {
        Variable variable;
        ClauseId requirement;
        float activity;
        std::size_t undecided;
    };

    struct Learnt {
        ClauseId clause;
        Literal asserted;
        std::uint32_t level;
    };

    [[nodiscard]] bool assign(Literal literal, ClauseId why, std::uint32_t level);
    Assignment undo_last();
    [[nodiscard]] ClauseId assign_exclusions();
    [[nodiscard]] ClauseId propagate(std::uint32_t level);
    [[nodiscard]] std::optional<Literal> other_to_watch(const Clause& clause, Literal kept) const;
    [[nodiscard]] std::optional<Decision> decide() const;
    Learnt learn(ClauseId conflict, std::uint32_t level);
    void raise_activity(std::span<const Literal> learnt);
    void find_core(ClauseId conflict);
    void add_to_core(ClauseId id, std::vector<bool>& seen);

    ClauseStore clauses_;
    Trail trail_;
    std::vector<Parent> parents_;              // in the order of their first requirements
    std::vector<std::uint32_t> true_parents_;  // places in it, sorted
    std::vector<std::uint32_t> place_of_;      // one a variable: its place in parents_
    std::vector<Group> group_of_;              // one a variable
    std::vector<std::uint32_t> true_in_;       // one a group: how many of its variables are true
    std::vector<float> activity_;              // one a group
    std::vector<ClauseId> exclusions_;
    std::vector<std::uint32_t> seen_;  // one a variable: the conflict that met it last
    std::vector<ClauseId> core_;
    Counts counts_;
};

}  // namespace kiln::conda
