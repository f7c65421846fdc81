#pragma once

#include "daemon/build/build_trees.hpp"
#include "daemon/build/chain.hpp"
#include "daemon/build/conda_environment.hpp"
#include "daemon/build/copy_plan.hpp"
#include "daemon/build/growing_plan.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/build/run_step.hpp"
#include "daemon/services.hpp"
#include "layers/dockerfile/ignore.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace kiln::daemon {

/// What a build has made: recorded in the store and named.
struct BuiltImage {
    Descriptor manifest;
    Descriptor config;
};

/// One build, from its graph to an image. Stages run side by side, each as soon as what it uses is
/// there; within a stage, `COPY --link` does not wait for the steps before it, and what follows a
/// conda environment is planned on with what that sets. Thread   the loop; pools do the work.
class BuildRun {
  public:
    BuildRun(
        Services& services,
        const BuildRequest& request,
        const PlannedBuild& plan,
        std::shared_ptr<Job> job,
        FetchPackage fetch,
        LentByListing lent
    );

    boost::asio::awaitable<Result<BuiltImage>> run();

  private:
    template<class T>
    using Awaitable = boost::asio::awaitable<T>;
    /// What a step came to: a layer, or none because it changed nothing.
    using StepLayer = Result<std::optional<LayerFacts>>;

    struct StageResult {
        Chain chain;
        const Stage* planned = nullptr;  // at the end
    };

    /// A step that has its key; `make` is called when the cache does not know the key.
    struct Prepared {
        CacheKey key{""};
        std::function<StepLayer()> make;
        std::shared_ptr<const CopyPlan> copy;  // for explanations
        bool waits = false;                    // belongs to the waiters
    };

    Awaitable<void> run_stage(std::size_t stage);
    Awaitable<Result<StageResult>> build_stage(std::size_t number);
    Awaitable<Result<const Stage*>> add_steps(std::size_t number, Chain& chain);
    Awaitable<Result<Chain>> base_chain(const Stage& stage);
    Awaitable<Result<void>> add_step(const Stage& stage, const Step& step, Chain& chain);
    /// Steps that look at nothing below them start when the stage does.
    void start_early(const Stage& stage);
    Awaitable<void> settle_early(const Stage& stage, const Step& step);
    Awaitable<StepLayer> make_layer(const Stage& stage, const Step& step, const Chain& chain);
    Awaitable<Result<bool>> take_environment(const Stage& stage, const Step& step, Chain& chain);
    Awaitable<Result<void>> add_environment(
        const Stage& stage, const Step& step, const std::string& context, Chain& chain
    );
    Awaitable<Result<void>> run_in_environment(
        const Stage& stage, const Step& step, const Environment& environment, Chain& chain
    );
    /// What an environment that lies in the chain now sets there.
    Awaitable<Result<void>> activate(
        const Stage& stage,
        const Step& step,
        const CondaContext& context,
        const Environment& environment,
        Chain& chain
    );
    Result<Activation> run_activation(
        const Step& step,
        const CondaContext& context,
        const std::vector<Digest>& diff_ids,
        std::vector<std::string> environment
    );

    Awaitable<Result<Chain>> stage_chain(std::size_t stage);
    Awaitable<Result<const Environment*>> environment(const std::string& context);
    [[nodiscard]] std::size_t layers_left() const;
    /// Of anything but a listing; none for scratch.
    Awaitable<Result<std::vector<Digest>>> origin_layers(const Origin& origin);
    Awaitable<Result<std::shared_ptr<const SourceTree>>> origin_tree(const Origin& origin);
    Awaitable<Result<Prepared>> prepare(const Step& step, std::vector<Digest> diff_ids);
    Awaitable<Result<Prepared>> prepare_copy(
        const Step& step, const CopyStep& copy, std::vector<Digest> diff_ids
    );

    /// What a COPY depends on, by digest; nullopt of other steps.
    Awaitable<Result<std::optional<Digest>>> inputs_of(
        const Step& step, const std::vector<Digest>& below
    );
    /// The layer of a step upon `diff_ids`.
    Awaitable<StepLayer> settle_step(
        const Stage& stage, const Step& step, std::vector<Digest> diff_ids
    );
    /// Cache, single flight, and the work itself.
    Awaitable<StepLayer> settle(const Stage& stage, const Step& step, const Prepared& prepared);
    Awaitable<Result<std::optional<StepLayer>>> look_up(Digest wanted);
    void note_hit(const Step& step, const Digest& key);
    Awaitable<Result<void>> record(
        const Stage& stage, const Step& step, const Prepared& prepared, const StepLayer& made
    );
    Result<void> explain_miss(
        const Stage& stage, const Step& step, const Prepared& prepared, Explanation& explanation
    ) const;
    [[nodiscard]] Digest slot_of(const Stage& stage, const Step& step) const;
    [[nodiscard]] std::string explain_absence(std::string_view path) const;

    void announce(const Stage& stage);
    void step_event(const Stage& stage, const Step& step, StepStatus status, StepEvent details);
    Awaitable<Result<BuiltImage>> assemble();
    [[nodiscard]] LayerWriting writing() const;

    Services& services_;
    const BuildRequest& request_;
    const BuildGraph& graph_;
    GrowingPlan plan_;
    std::shared_ptr<Job> job_;
    FetchPackage fetch_;
    store::Lease lease_;
    BuildTrees trees_;
    dockerfile::IgnoreRules ignored_;
    std::vector<std::optional<Result<StageResult>>> results_;
    std::map<std::string, std::optional<Result<Environment>>> environments_;
    std::map<std::size_t, std::optional<StepLayer>> early_;  // by step id
    std::size_t early_running_ = 0;
    std::set<std::size_t> cached_;                // ids of steps that the cache knew
    std::map<std::size_t, std::string> reasons_;  // why the others were made, by step id
    Signal progress_;
    store::Batch pending_;  // records of steps without a layer, written at the end in one go
};

}  // namespace kiln::daemon
