// BuildRun, the part that makes one step: what it depends on, whether the cache has it, and the
// work.

#include "daemon/build/build_run.hpp"
#include "daemon/build/images.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/chain_id.hpp"

namespace kiln::daemon {
namespace {

std::string describe(const Change& change) {
    if (!change.was) {
        return change.what + " is new";
    }
    return change.is ? change.what + " changed" : change.what + " is gone";
}

/// The first few, for one line.
std::string summary(const std::vector<Change>& changes) {
    if (changes.empty()) {
        return "its inputs changed";
    }
    std::string text = describe(changes.front());
    if (changes.size() > 1) {
        text += fmt::format(", and {} more", changes.size() - 1);
    }
    return text;
}

}  // namespace

boost::asio::awaitable<Result<std::vector<Digest>>> BuildRun::origin_layers(const Origin& origin) {
    if (const auto* image = std::get_if<Image>(&origin)) {
        lease_.keep(image->manifest_descriptor);
        co_return image->config.diff_ids;
    }
    if (const auto* stage = std::get_if<StageOrigin>(&origin)) {
        const auto chain = co_await stage_chain(stage->stage);
        if (!chain) {
            co_return fail(chain.error());
        }
        co_return chain->diff_ids();
    }
    if (const auto* conda = std::get_if<CondaOrigin>(&origin)) {
        const auto built = co_await environment(conda->context);
        if (!built) {
            co_return fail(built.error());
        }
        if (!(*built)->pip.empty()) {
            co_return fail(Error{
                .code = Code::unsupported,
                .message = fmt::format(
                    "{} has packages of pip, which are installed where it lies whole on an image",
                    conda->context
                ),
                .hint = fmt::format("COPY --link --from={} / / takes all of it", conda->context)});
        }
        co_return (*built)->chain.diff_ids();
    }
    co_return std::vector<Digest>();
}

boost::asio::awaitable<Result<std::shared_ptr<const SourceTree>>> BuildRun::origin_tree(
    const Origin& origin
) {
    if (std::holds_alternative<Scratch>(origin)) {
        co_return std::shared_ptr<const SourceTree>();
    }
    if (const auto* listing = std::get_if<ListingOrigin>(&origin)) {
        lease_.keep(listing->listing);
        auto open = [this, digest = listing->listing] { return trees_.of_listing(digest); };
        co_return co_await run_on(services_.pool, std::move(open));
    }
    auto diff_ids = co_await origin_layers(origin);
    if (!diff_ids) {
        co_return fail(diff_ids.error());
    }
    auto open = [this, ids = std::move(*diff_ids)] { return trees_.of_layers(ids); };
    co_return co_await run_on(services_.pool, std::move(open));
}

boost::asio::awaitable<Result<BuildRun::Prepared>> BuildRun::prepare_copy(
    const Step& step, const CopyStep& copy, std::vector<Digest> diff_ids
) {
    const auto origin = co_await origin_tree(copy.origin);
    if (!origin) {
        co_return fail(origin.error());
    }
    auto plan = [this, &copy, source = *origin, ids = std::move(diff_ids)]() -> Result<CopyPlan> {
        CopySurroundings around;
        around.source = source;
        const auto* listing = std::get_if<ListingOrigin>(&copy.origin);
        around.source_name = listing != nullptr ? listing->name : "what it is copied from";
        TRY_ASSIGN(around.below, trees_.of_layers(ids));
        around.timestamps = request_.timestamps;
        around.epoch = request_.epoch;
        TRY_ASSIGN(const Fd scratch, services_.store.open_scratch());
        around.scratch_directory = scratch.get();
        if (listing != nullptr) {
            around.explain_absence = [this](std::string_view path) {
                return explain_absence(path);
            };
        }
        return CopyPlan::of_copy(copy, around, job_->stop_token());
    };
    auto planned = co_await run_on(services_.pool, std::move(plan));
    if (!planned) {
        Error error = std::move(planned).error();
        co_return fail(error.where ? std::move(error) : std::move(error).with_where(step.span));
    }
    Prepared prepared;
    prepared.copy = std::make_shared<const CopyPlan>(std::move(*planned));
    prepared.key = prepared.copy->key();
    prepared.make = [this, &step, plan_of_copy = prepared.copy] {
        const FillLayer fill = [&](LayerBuilder& layer) {
            return plan_of_copy->write(layer, job_->stop_token());
        };
        return write_layer(writing(), step.created_by, fill);
    };
    co_return prepared;
}

boost::asio::awaitable<Result<BuildRun::Prepared>> BuildRun::prepare(
    const Step& step, std::vector<Digest> diff_ids
) {
    if (const auto* copy = std::get_if<CopyStep>(&step.action)) {
        co_return co_await prepare_copy(step, *copy, std::move(diff_ids));
    }
    Prepared prepared;
    if (const auto* workdir = std::get_if<WorkdirStep>(&step.action)) {
        auto plan = [this, workdir, ids = std::move(diff_ids)]() -> Result<CopyPlan> {
            CopySurroundings around;
            TRY_ASSIGN(around.below, trees_.of_layers(ids));
            around.epoch = request_.epoch;
            return CopyPlan::of_workdir(*workdir, around);
        };
        auto planned = co_await run_on(services_.pool, std::move(plan));
        if (!planned) {
            co_return fail(std::move(planned).error().with_where(step.span));
        }
        prepared.copy = std::make_shared<const CopyPlan>(std::move(*planned));
        prepared.key = prepared.copy->key();
        prepared.make = [this, &step, made = prepared.copy] {
            const FillLayer fill = [&](LayerBuilder& layer) {
                return made->write(layer, job_->stop_token());
            };
            return write_layer(writing(), step.created_by, fill);
        };
        co_return prepared;
    }
    const auto& run_step = std::get<RunStep>(step.action);
    auto settle_run = [this, &run_step, ids = std::move(diff_ids)]() -> Result<PreparedRun> {
        TRY_ASSIGN(const auto files, trees_.of_layers(ids));
        return prepare_run(run_step, *files, ids, request_);
    };
    auto run = co_await run_on(services_.pool, std::move(settle_run));
    if (!run) {
        co_return fail(std::move(run).error().with_where(step.span));
    }
    prepared.key = run->key;
    prepared.waits = true;
    prepared.make = [this, &step, run_once = std::move(*run)] {
        return execute_run(run_once, step, job_, services_.executor, writing());
    };
    co_return prepared;
}

boost::asio::awaitable<Result<std::optional<Digest>>> BuildRun::inputs_of(
    const Step& step, const std::vector<Digest>& below
) {
    const auto* copy = std::get_if<CopyStep>(&step.action);
    if (copy == nullptr) {
        co_return std::optional<Digest>();
    }
    const Digest base = oci::chain_id(below);
    if (const auto* listing = std::get_if<ListingOrigin>(&copy->origin)) {
        co_return std::optional(copy_inputs(*copy, listing->listing, base, request_));
    }
    const auto diff_ids = co_await origin_layers(copy->origin);
    if (!diff_ids) {
        co_return fail(diff_ids.error());
    }
    co_return std::optional(copy_inputs(*copy, oci::chain_id(*diff_ids), base, request_));
}

boost::asio::awaitable<BuildRun::StepLayer> BuildRun::settle_step(
    const Stage& stage, const Step& step, std::vector<Digest> diff_ids
) {
    const auto inputs = co_await inputs_of(step, diff_ids);
    if (!inputs) {
        co_return fail(inputs.error());
    }
    const auto known = *inputs ? services_.planned.find(**inputs) : std::nullopt;
    if (known && !request_.no_cache) {
        auto found = co_await look_up(*known);
        if (!found) {
            co_return fail(found.error());
        }
        if (*found) {
            note_hit(step, *known);
            co_return std::move(**found);
        }
    }
    const auto prepared = co_await prepare(step, std::move(diff_ids));
    if (!prepared) {
        co_return fail(prepared.error());
    }
    if (*inputs) {
        services_.planned.remember(**inputs, prepared->key.digest());
    }
    co_return co_await settle(stage, step, *prepared);
}

void BuildRun::note_hit(const Step& step, const Digest& key) {
    job_->explanations.push_back(Explanation{
        .step = step.id, .name = step.name, .status = "hit", .key = key});
    ++job_->cached_steps;
    cached_.insert(step.id);
}

boost::asio::awaitable<Result<std::optional<BuildRun::StepLayer>>> BuildRun::look_up(Digest wanted
) {
    using Found = Result<std::optional<StepLayer>>;
    auto look = [this, key = wanted]() -> Found {
        lease_.keep(key);
        TRY_ASSIGN(const auto record, services_.store.index().find_cache(key));
        if (!record) {
            return std::optional<StepLayer>();
        }
        std::optional<LayerFacts> layer;
        if (record->diff_id) {
            TRY_ASSIGN(layer, services_.store.index().find_layer(*record->diff_id));
            if (!layer) {
                return std::optional<StepLayer>();
            }
        }
        services_.store.used(key);
        return std::optional<StepLayer>(StepLayer(std::move(layer)));
    };
    co_return co_await run_on(services_.pool, std::move(look));
}

boost::asio::awaitable<BuildRun::StepLayer> BuildRun::settle(
    const Stage& stage, const Step& step, const Prepared& prepared
) {
    Explanation explanation{
        .step = step.id, .name = step.name, .status = "ran", .key = prepared.key.digest()};
    std::optional<SingleFlight::Turn> turn;
    while (!turn) {
        if (!request_.no_cache) {
            auto found = co_await look_up(prepared.key.digest());
            if (!found) {
                co_return fail(found.error());
            }
            if (*found) {
                note_hit(step, prepared.key.digest());
                co_return std::move(**found);
            }
        }
        turn = co_await services_.flights.enter(prepared.key.digest());
    }
    if (!request_.no_cache) {
        explanation.status = "miss";
        auto explain = [&] { return explain_miss(stage, step, prepared, explanation); };
        const auto explained = co_await run_on(services_.pool, std::move(explain));
        if (!explained) {
            co_return fail(explained.error());
        }
    }
    if (explanation.reason) {
        reasons_[step.id] = *explanation.reason;
    }
    job_->explanations.push_back(std::move(explanation));
    ThreadPool& pool = prepared.waits ? services_.waiters : services_.pool;
    auto made = co_await run_on(pool, prepared.make);
    if (!made) {
        co_return made;
    }
    const auto recorded = co_await record(stage, step, prepared, made);
    if (!recorded) {
        co_return fail(recorded.error());
    }
    co_return made;
}

boost::asio::awaitable<Result<void>> BuildRun::record(
    const Stage& stage, const Step& step, const Prepared& prepared, const StepLayer& made
) {
    store::CacheRecord cached{.key = prepared.key.digest()};
    store::ExplainSlot slot{
        slot_of(stage, step), prepared.key.digest(), prepared.key.ingredients()};
    if (!made->has_value()) {
        pending_.cache.push_back(std::move(cached));
        pending_.slots.push_back(std::move(slot));
        co_return Result<void>();
    }
    cached.diff_id = (*made)->diff_id;
    store::Batch batch;
    batch.layers.push_back(**made);
    batch.cache.push_back(std::move(cached));
    batch.slots.push_back(std::move(slot));
    auto write = [this, owned = std::move(batch)] { return services_.store.record(owned); };
    co_return co_await run_on(services_.pool, std::move(write));
}

Digest BuildRun::slot_of(const Stage& stage, const Step& step) const {
    std::size_t ordinal = 0;
    for (const Step& each : stage.steps) {
        if (each.id == step.id) {
            break;
        }
        ordinal += each.keyword == step.keyword ? 1U : 0U;
    }
    CacheKey slot("slot/1");
    slot.add("name", request_.tags.empty() ? "" : request_.tags.front());
    slot.add("dockerfile", request_.dockerfile.name);
    slot.add("stage", stage.name);
    slot.add("instruction", step.keyword);
    slot.add("ordinal", fmt::format("{}", ordinal));
    return slot.digest();
}

Result<void> BuildRun::explain_miss(
    const Stage& stage, const Step& step, const Prepared& prepared, Explanation& explanation
) const {
    TRY_ASSIGN(const auto slot, services_.store.index().find_slot(slot_of(stage, step)));
    if (!slot) {
        explanation.reason = "this step was never built before";
        return {};
    }
    if (slot->key == prepared.key.digest()) {
        explanation.reason = "its result is no longer in the store";
        return {};
    }
    explanation.changes = compare(slot->ingredients, prepared.key.ingredients());
    if (prepared.copy) {
        TRY_ASSIGN(const auto before, services_.store.index().find_cache(slot->key));
        if (before && before->diff_id) {
            TRY_ASSIGN(MappedFile file, services_.store.tables().open(*before->diff_id));
            TRY_ASSIGN(const auto table, TableOfContents::open(std::move(file)));
            auto files = prepared.copy->compare_with(*table);
            if (!files.empty()) {
                explanation.changes = std::move(files);
            }
        }
    }
    explanation.reason = summary(explanation.changes);
    return {};
}

std::string BuildRun::explain_absence(std::string_view path) const {
    const auto verdict = ignored_.match(path);
    if (!verdict.ignored || verdict.decided_by == nullptr) {
        return {};
    }
    return fmt::format(
        "{} line {} ({}) excludes it",
        request_.ignore->name,
        verdict.decided_by->line,
        verdict.decided_by->text
    );
}

}  // namespace kiln::daemon
