#include "daemon/build/build_run.hpp"

#include "daemon/runtime/run_on.hpp"
#include "store/base/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <chrono>

namespace kiln::daemon {
namespace {

oci::HistoryEntry history_of(const Step& step, UnixSeconds epoch, bool empty) {
    return oci::HistoryEntry{
        .created = render_time(epoch),
        .created_by = step.created_by,
        .comment = "kiln",
        .empty_layer = empty};
}

}  // namespace

BuildRun::BuildRun(
    Services& services,
    const BuildRequest& request,
    const PlannedBuild& plan,
    std::shared_ptr<Job> job,
    FetchPackage fetch,
    LentByListing lent
)
    : services_(services),
      request_(request),
      graph_(plan.graph),
      plan_(services, plan),
      job_(std::move(job)),
      fetch_(std::move(fetch)),
      lease_(services.store.lease()),
      trees_(services.store, std::move(lent)),
      progress_(services.loop) {
    results_.resize(graph_.stages.size());
    if (request_.ignore) {
        // A file that does not parse is the client's to refuse; here it only serves hints.
        ignored_ = dockerfile::IgnoreRules::parse(request_.ignore->text, request_.ignore->name)
                       .value_or(dockerfile::IgnoreRules());
    }
}

LayerWriting BuildRun::writing() const {
    const LayerOptions options{request_.compression, request_.compression_level};
    return LayerWriting{services_.store, services_.pool, lease_, options, job_->stop_token()};
}

boost::asio::awaitable<Result<BuiltImage>> BuildRun::run() {
    if (request_.context) {
        lease_.keep(*request_.context);
        services_.store.used(*request_.context);
    }
    for (const Stage& stage : graph_.stages) {
        announce(stage);
    }
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
        boost::asio::co_spawn(services_.loop, run_stage(i), boost::asio::detached);
    }
    std::optional<Error> failure;
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
        while (!results_[i]) {
            co_await progress_.wait();
        }
        // The first real failure is told; those that it caused are only cancelled.
        const Result<StageResult>& result = *results_[i];
        if (!result && (!failure || failure->code == Code::cancelled)) {
            failure = result.error();
        }
    }
    while (early_running_ > 0) {
        co_await progress_.wait();
    }
    services_.executor.close_scope(job_->id());
    auto flush = [this]() -> Result<void> {
        if (pending_.cache.empty() && pending_.slots.empty()) {
            return {};
        }
        return services_.store.record(pending_);
    };
    const auto flushed = co_await run_on(services_.pool, std::move(flush));
    if (failure) {
        co_return fail(std::move(*failure));
    }
    if (!flushed) {
        co_return fail(flushed.error());
    }
    co_return co_await assemble();
}

boost::asio::awaitable<void> BuildRun::run_stage(std::size_t stage) {
    Result<StageResult> result = co_await build_stage(stage);
    if (!result) {
        job_->cancel();  // what runs beside it can't save the build
    }
    results_[stage] = std::move(result);
    progress_.notify_all();
}

boost::asio::awaitable<Result<BuildRun::StageResult>> BuildRun::build_stage(std::size_t number) {
    const Stage& stage = graph_.stages[number];
    const auto began = std::chrono::steady_clock::now();
    Step base{
        .id = stage.base_step, .name = stage.base_name, .keyword = "FROM", .span = stage.base_span};
    step_event(stage, base, StepStatus::running, {});
    auto chain = co_await base_chain(stage);
    if (!chain) {
        step_event(stage, base, StepStatus::failed, {});
        Error error = std::move(chain).error();
        co_return fail(
            error.where ? std::move(error) : std::move(error).with_where(stage.base_span)
        );
    }
    const auto took = std::chrono::steady_clock::now() - began;
    StepEvent details;
    details.duration_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
    );
    step_event(stage, base, StepStatus::done, std::move(details));
    const auto planned = co_await add_steps(number, *chain);
    if (!planned) {
        co_return fail(planned.error());
    }
    co_return StageResult{std::move(*chain), *planned};
}

boost::asio::awaitable<Result<const Stage*>> BuildRun::add_steps(std::size_t number, Chain& chain) {
    const Stage* stage = &graph_.stages[number];
    start_early(*stage);
    for (std::size_t i = 0; i < stage->steps.size(); ++i) {
        if (stage->steps[i].provisional) {
            const auto planned = co_await plan_.plan_on(number);
            if (!planned) {
                step_event(*stage, stage->steps[i], StepStatus::failed, {});
                co_return fail(planned.error());
            }
            stage = *planned;
            start_early(*stage);
        }
        const Step& step = stage->steps[i];
        auto added = co_await add_step(*stage, step, chain);
        if (added && chain.layers.size() > request_.max_layers) {
            added = fail(Error{
                .code = Code::too_large,
                .message = fmt::format("the image passes {} layers here", request_.max_layers),
                .where = step.span,
                .hint = "join RUN steps, or copy several files at once"});
        }
        if (!added) {
            const bool cancelled = added.error().code == Code::cancelled;
            step_event(*stage, step, cancelled ? StepStatus::cancelled : StepStatus::failed, {});
            co_return fail(added.error());
        }
    }
    if (stage->open) {
        co_return co_await plan_.plan_on(number);
    }
    co_return stage;
}

boost::asio::awaitable<Result<Chain>> BuildRun::base_chain(const Stage& stage) {
    if (const auto* image = std::get_if<Image>(&stage.base)) {
        lease_.keep(image->manifest_descriptor);
        Chain chain;
        chain.history = image->config.history;
        for (std::size_t i = 0; i < image->manifest.layers.size(); ++i) {
            chain.layers.push_back(ChainLayer{image->config.diff_ids[i], image->manifest.layers[i]}
            );
        }
        co_return chain;
    }
    if (const auto* other = std::get_if<StageOrigin>(&stage.base)) {
        co_return co_await stage_chain(other->stage);
    }
    Chain chain;
    if (const auto* conda = std::get_if<CondaOrigin>(&stage.base)) {
        const Step base{
            .id = stage.base_step,
            .name = stage.base_name,
            .keyword = "FROM",
            .span = stage.base_span};
        const auto added = co_await add_environment(stage, base, conda->context, chain);
        if (!added) {
            co_return fail(added.error());
        }
    }
    co_return chain;
}

boost::asio::awaitable<Result<Chain>> BuildRun::stage_chain(std::size_t stage) {
    while (!results_[stage]) {
        co_await progress_.wait();
    }
    const Result<StageResult>& result = *results_[stage];
    if (!result) {
        co_return fail(Code::cancelled, "the stage {} failed", graph_.stages[stage].name);
    }
    co_return result->chain;
}

void BuildRun::start_early(const Stage& stage) {
    for (const Step& step : stage.steps) {
        const auto* copy = std::get_if<CopyStep>(&step.action);
        const bool independent = copy != nullptr && copy->link && !copy->owner && !step.provisional;
        if (independent && !is_whole_environment(*copy) && early_.try_emplace(step.id).second) {
            ++early_running_;
            boost::asio::co_spawn(services_.loop, settle_early(stage, step), boost::asio::detached);
        }
    }
}

boost::asio::awaitable<void> BuildRun::settle_early(const Stage& stage, const Step& step) {
    StepLayer layer = co_await settle_step(stage, step, std::vector<Digest>());
    early_[step.id].emplace(std::move(layer));
    --early_running_;
    progress_.notify_all();
}

boost::asio::awaitable<BuildRun::StepLayer> BuildRun::make_layer(
    const Stage& stage, const Step& step, const Chain& chain
) {
    if (early_.contains(step.id)) {
        while (!early_[step.id]) {
            co_await progress_.wait();
        }
        co_return *early_[step.id];
    }
    co_return co_await settle_step(stage, step, chain.diff_ids());
}

boost::asio::awaitable<Result<void>> BuildRun::add_step(
    const Stage& stage, const Step& step, Chain& chain
) {
    if (job_->stop_token().stop_requested()) {
        co_return fail(Code::cancelled, "cancelled");
    }
    if (std::holds_alternative<ConfigStep>(step.action)) {
        chain.history.push_back(history_of(step, request_.epoch, true));
        job_->explanations.push_back(Explanation{
            .step = step.id, .name = step.name, .status = "uncached"});
        step_event(stage, step, StepStatus::running, {});
        step_event(stage, step, StepStatus::done, {});
        co_return Result<void>();
    }
    const auto began = std::chrono::steady_clock::now();
    step_event(stage, step, StepStatus::running, {});
    const auto taken = co_await take_environment(stage, step, chain);
    if (!taken) {
        co_return fail(taken.error());
    }
    StepEvent details;
    if (!*taken) {
        const StepLayer layer = co_await make_layer(stage, step, chain);
        if (!layer) {
            co_return fail(layer.error());
        }
        const bool empty = !layer->has_value();
        chain.history.push_back(history_of(step, request_.epoch, empty));
        if (!empty) {
            chain.layers.push_back(ChainLayer{(*layer)->diff_id});
            details.diff_id = (*layer)->diff_id;
            details.size_bytes =
                (*layer)->dresses.empty() ? 0 : (*layer)->dresses.front().size_bytes;
        }
    }
    if (const auto reason = reasons_.find(step.id); reason != reasons_.end()) {
        details.reason = reason->second;
    }
    const auto took = std::chrono::steady_clock::now() - began;
    details.duration_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
    );
    step_event(
        stage,
        step,
        cached_.contains(step.id) ? StepStatus::cached : StepStatus::done,
        std::move(details)
    );
    co_return Result<void>();
}

void BuildRun::announce(const Stage& stage) {
    Step base{
        .id = stage.base_step, .name = stage.base_name, .keyword = "FROM", .span = stage.base_span};
    step_event(stage, base, StepStatus::waiting, {});
    for (const Step& step : stage.steps) {
        step_event(stage, step, StepStatus::waiting, {});
    }
}

void BuildRun::step_event(
    const Stage& stage, const Step& step, StepStatus status, StepEvent details
) {
    details.id = step.id;
    details.name = step.name;
    details.stage = stage.name;
    details.line = step.span.line;
    details.status = status;
    job_->emit(details);
}

}  // namespace kiln::daemon
