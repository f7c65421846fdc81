#pragma once

#include "layers/conda/solve/candidate_order.hpp"
#include "layers/conda/solve/candidate_pool.hpp"
#include "layers/conda/solve/engine.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace kiln::conda {

/// Puts everything that the user's specs can reach into clauses, breadth first (spec/conda.md 2.2,
/// rule 3). The order of clauses is part of the answer.
class Encoder {
  public:
    Encoder(CandidatePool& pool, Engine& engine)
        : pool_(pool),
          order_(pool),
          engine_(engine) {}

    /// Errors   those of the source; too_large; cancelled.
    Result<void> encode(
        std::span<const RootSpec> roots, std::span<const SpecId> pins, const std::stop_token& stop
    );

    /// none for the root and for auxiliaries.
    [[nodiscard]] std::optional<CandidateId> candidate_of(Variable variable) const;

    /// What the clauses say in their note.
    static SpecId spec_of(const Clause& requirement_or_constraint) {
        return SpecId{requirement_or_constraint.note};
    }

  private:
    static constexpr std::uint32_t k_none = std::numeric_limits<std::uint32_t>::max();

    struct Task {
        enum class Kind : std::uint8_t { dependencies, exclusions, requirement, constraint };
        Kind kind;
        Variable parent;         // of exclusions: none
        std::uint32_t what = 0;  // a name, or a spec
        ConditionId condition = ConditionId::always;
    };

    /// One true at most, by numbering the members in binary: each says what its number's bits are.
    struct AtMostOne {
        std::vector<Variable> members;
        std::vector<Variable> bits;
    };

    Result<void> run(const Task& task);
    [[nodiscard]] Result<void> check_size() const;
    Result<void> exclude(NameId name);
    Result<void> require(Variable parent, SpecId spec, ConditionId condition);
    Result<void> constrain(Variable parent, SpecId spec);
    void queue_dependencies(Variable parent);
    void queue_name(SpecId spec);
    Result<ChoiceId> choice(SpecId spec);
    Result<Variable> holds(SpecId spec);
    void add_at_most_one(NameId name);
    void add_member(AtMostOne& known, Group group, Variable member);
    Variable variable(CandidateId id);

    CandidatePool& pool_;
    CandidateOrder order_;
    Engine& engine_;
    std::deque<Task> tasks_;
    std::vector<bool> queued_names_;                    // one a name
    std::vector<bool> queued_candidates_;               // one a candidate
    std::vector<std::uint32_t> variables_;              // one a candidate
    std::vector<std::uint32_t> candidates_ = {k_none};  // one a variable
    std::vector<std::optional<ChoiceId>> choices_;      // one a spec
    std::vector<std::optional<Variable>> holds_;        // one a spec
    std::vector<NameId> required_names_;                // in the order of their first requirement
    std::vector<std::vector<Variable>> required_;       // one a name
};

}  // namespace kiln::conda
