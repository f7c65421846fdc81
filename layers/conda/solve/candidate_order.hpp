#pragma once

#include "layers/conda/solve/candidate_pool.hpp"
#include "layers/conda/solve/spec_table.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kiln::conda {

/// Which candidate of a requirement is tried first (spec/conda.md 2.2, rule 2): without
/// track_features, of the earlier channel where priority is flexible, the highest version, the
/// highest build number. Among equals the one whose dependencies reach the highest versions, then
/// the youngest. A record of an older lock goes before all.
class CandidateOrder {
  public:
    explicit CandidateOrder(CandidatePool& pool)
        : pool_(pool) {}

    /// What matches the spec, the best first. Excluded candidates are among them.
    Result<std::vector<CandidateId>> sorted(SpecId spec);

  private:
    /// All candidates of a name by what they are themselves.
    struct Ranking {
        std::vector<CandidateId> order;
        std::vector<std::uint32_t> tie;  // for each of them, which run of equals it is in
    };

    /// The highest version that a spec reaches; lower is better.
    struct Reach {
        bool nothing = true;
        bool tracked = false;              // by the first record of that version
        std::uint32_t versions_above = 0;  // of all the name has

        auto operator<=>(const Reach&) const = default;
    };

    const Ranking& ranking(NameId name, std::span<const CandidateId> all);
    Result<void> break_ties(std::span<CandidateId> equals);
    std::vector<NameId> shared_names(std::span<const CandidateId> equals);
    Result<Reach> best_reach(CandidateId id, NameId dependency);
    Result<Reach> reach(SpecId spec);

    CandidatePool& pool_;
    std::vector<std::optional<Ranking>> rankings_;  // one a name
    std::vector<std::optional<Reach>> reaches_;     // one a spec
};

}  // namespace kiln::conda
