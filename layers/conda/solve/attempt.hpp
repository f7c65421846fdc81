#pragma once

#include "layers/conda/solve/candidate_pool.hpp"
#include "layers/conda/solve/encoder.hpp"
#include "layers/conda/solve/engine.hpp"
#include "layers/conda/solve/record_source.hpp"
#include "layers/conda/solve/solve.hpp"
#include "layers/conda/solve/spec_table.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace kiln::conda {

/// What stays the same between the attempts of one solve. All of it outlives them.
struct Question {
    const Request& request;
    std::vector<SpecId> pins;
    SpecTable& table;
    RecordSource& source;
    std::stop_token stop;
};

/// One run over some of the user's specs: the candidates that they reach, the clauses, a model or
/// the clauses that contradict each other.
class Attempt {
  public:
    /// Errors   of the source, too_large, cancelled; that there is no model is none.
    static Result<std::unique_ptr<Attempt>> make(
        const Question& question, std::span<const RootSpec> roots, std::size_t most_conflicts
    );

    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    [[nodiscard]] bool satisfied() const { return outcome_ == Engine::Outcome::satisfied; }

    /// Of a satisfied attempt, without virtual packages, in no order that means anything.
    [[nodiscard]] std::vector<const PackageRecord*> installed() const;

    [[nodiscard]] SolveCounts counts() const;

    [[nodiscard]] CandidatePool& pool() { return pool_; }

    [[nodiscard]] const Engine& engine() const { return engine_; }

    [[nodiscard]] const Encoder& encoder() const { return encoder_; }

  private:
    Attempt(const Question& question, std::span<const RootSpec> roots);

    CandidatePool pool_;
    Engine engine_;
    Encoder encoder_;
    Engine::Outcome outcome_ = Engine::Outcome::unsatisfiable;
};

}  // namespace kiln::conda
