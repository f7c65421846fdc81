#include "daemon/build/run_step.hpp"

#include "daemon/build/log_output.hpp"
#include "layers/oci/chain_id.hpp"
#include "store/base/stop.hpp"

namespace kiln::daemon {
namespace {

class LayerChanges final : public exec::ChangeSink {
  public:
    LayerChanges(LayerBuilder& layer, std::string scratch, std::shared_ptr<Job> job)
        : layer_(layer),
          scratch_(std::move(scratch)),
          job_(std::move(job)) {}

    Result<void> add(const tar::TarEntry& entry, ByteSource& content) override {
        if (!scratch_.empty()
            && (entry.path == scratch_ || entry.path.starts_with(scratch_ + '/'))) {
            return {};
        }
        return entry.type == tar::EntryType::file ? layer_.add(entry, content) : layer_.add(entry);
    }

    void notice(std::string_view text) override {
        Job::post(job_, WarningEvent{.message = std::string(text)});
    }

  private:
    LayerBuilder& layer_;
    std::string scratch_;
    std::shared_ptr<Job> job_;
};

Error describe_failure(const exec::Outcome& outcome, const Step& step) {
    std::string how = outcome.signal ? fmt::format("was killed by signal {}", *outcome.signal)
                                     : fmt::format("ended with exit code {}", outcome.exit_code);
    return Error{
        .code = Code::step_failed,
        .message = fmt::format("{} {}", step.created_by, how),
        .where = step.span};
}

}  // namespace

Result<PreparedRun> prepare_run(
    const RunStep& step,
    const SourceTree& files,
    const std::vector<Digest>& diff_ids,
    const BuildRequest& request
) {
    TRY_ASSIGN(const Identity identity, resolve_user(files, step.user));
    PreparedRun run;
    run.diff_ids = diff_ids;
    run.scratch = step.scratch;
    run.spec.arguments = step.arguments;
    run.spec.environment = step.environment;
    if (!oci::find_env(run.spec.environment, "HOME")) {
        oci::set_env(run.spec.environment, "HOME", identity.home);
    }
    run.spec.working_directory = step.working_directory;
    run.spec.uid = identity.uid;
    run.spec.gid = identity.gid;
    run.spec.supplementary_gids = identity.supplementary_gids;
    run.spec.network = step.network;
    run.spec.timestamps = request.timestamps;
    run.spec.epoch = request.epoch;

    run.key.add("the layers below", oci::chain_id(diff_ids).render());
    for (const std::string& argument : run.spec.arguments) {
        run.key.add("the command", argument);
    }
    for (const std::string& variable : run.spec.environment) {
        const std::size_t equals = variable.find('=');
        run.key.add("variable " + variable.substr(0, equals), variable.substr(equals + 1));
    }
    run.key.add("the working directory", run.spec.working_directory);
    run.key.add("the user", fmt::format("{}:{}", identity.uid, identity.gid));
    for (const std::uint32_t gid : identity.supplementary_gids) {
        run.key.add("the user's groups", fmt::format("{}", gid));
    }
    run.key.add("the network", fmt::format("{}", static_cast<int>(step.network)));
    run.key.add("the rule of time", request.timestamps == Timestamps::fixed ? "fixed" : "keep");
    for (const std::string& variable : step.unkeyed_environment) {
        run.spec.environment.push_back(variable);
    }
    return run;
}

Result<void> unpack_layers(
    exec::Executor& executor,
    store::Store& store,
    const std::vector<Digest>& diff_ids,
    const std::stop_token& stop
) {
    for (const Digest& diff_id : diff_ids) {
        TRY(check(stop));
        if (executor.has_layer(diff_id)) {
            continue;
        }
        TRY_ASSIGN(const auto facts, store.index().find_layer(diff_id));
        if (!facts || facts->dresses.empty()) {
            return fail(Code::not_found, "layer {} is not in the store", diff_id.render());
        }
        const Dress& dress = facts->dresses.front();
        TRY_ASSIGN(const store::BlobReader blob, store.blobs().open(dress.digest));
        TRY(executor.unpack(exec::UnpackRequest{diff_id, blob.fd(), dress}, stop),
            "while unpacking layer {}",
            diff_id.render());
    }
    return {};
}

Result<LowerLayers> LowerLayers::open(store::Store& store, const std::vector<Digest>& diff_ids) {
    LowerLayers lower;
    for (const Digest& diff_id : diff_ids) {
        TRY_ASSIGN(Fd table, store.tables().open_file(diff_id));
        lower.layers_.push_back(exec::LowerLayer{diff_id, table.get()});
        lower.tables_.push_back(std::move(table));
    }
    return lower;
}

Result<std::optional<LayerFacts>> execute_run(
    PreparedRun run,
    const Step& step,
    const std::shared_ptr<Job>& job,
    exec::Executor& executor,
    const LayerWriting& writing
) {
    TRY(unpack_layers(executor, writing.store, run.diff_ids, writing.stop));
    TRY_ASSIGN(const LowerLayers lower, LowerLayers::open(writing.store, run.diff_ids));
    run.spec.layers = lower.layers();
    run.spec.network_scope = job->id();
    LogOutput output(job, step.id);
    auto ran = executor.run(run.spec, output, writing.stop);
    if (!ran) {
        return fail(std::move(ran).error().with_where(step.span));
    }
    exec::Execution& execution = **ran;
    if (!execution.outcome().succeeded()) {
        return fail(describe_failure(execution.outcome(), step));
    }
    const FillLayer fill = [&](LayerBuilder& layer) {
        LayerChanges changes(layer, run.scratch, job);
        return execution.diff(changes, writing.stop);
    };
    TRY_ASSIGN(
        auto layer,
        write_layer(writing, step.created_by, fill),
        "while taking what {} changed",
        step.keyword
    );
    // What the command left in its scratch directory would be kept with the rest.
    if (layer && run.scratch.empty()) {
        TRY(execution.keep(layer->diff_id));
    }
    return layer;
}

}  // namespace kiln::daemon
