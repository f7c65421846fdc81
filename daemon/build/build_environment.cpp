// BuildRun, the part that lays a conda environment onto a stage: the directories above it, its
// layers, what is compiled and what its link scripts change.

#include "daemon/build/build_run.hpp"
#include "daemon/build/conda_layers.hpp"
#include "daemon/build/stage_planner.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/pip/programs.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace kiln::daemon {
namespace {

void add_layer(
    Chain& chain, const LayerFacts& layer, const std::string& created_by, UnixSeconds epoch
) {
    chain.layers.push_back(ChainLayer{layer.diff_id});
    chain.history.push_back(oci::HistoryEntry{
        .created = render_time(epoch), .created_by = created_by, .comment = "kiln"});
}

/// Names of the packages whose scripts run, each once.
std::string script_owners(const conda::LinkScriptPlan& scripts) {
    std::vector<std::string> owners;
    for (const conda::LinkScriptRun& run : scripts.runs) {
        if (std::find(owners.begin(), owners.end(), run.dist) == owners.end()) {
            owners.push_back(run.dist);
        }
    }
    return fmt::format("{}", fmt::join(owners, ", "));
}

std::vector<std::string> as_variables(
    const std::vector<std::pair<std::string, std::string>>& environment
) {
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) {
        variables.push_back(fmt::format("{}={}", name, value));
    }
    return variables;
}

/// A command that runs where an environment lies, told as a part of the step that laid it there.
struct EnvironmentRun {
    Step step;
    std::vector<Digest> beneath;  // layers below all of the image, for this run alone
    std::string hint = {};        // where it fails so:
    Code hinted = Code::step_failed;
};

/// What is compiled comes before the scripts, as conda has it; both stand on all packages.
std::vector<EnvironmentRun> runs_of(
    const Environment& environment, const Step& step, const BuildRequest& request
) {
    const std::string path = fmt::format("PATH={}/bin:{}", environment.prefix, k_default_path);
    const std::string epoch = fmt::format("SOURCE_DATE_EPOCH={}", request.epoch);
    std::vector<EnvironmentRun> runs;
    if (environment.compile) {
        RunStep run;
        run.arguments = environment.compile->arguments;
        // No SOURCE_DATE_EPOCH: for some pythons (3.7.0) that is another form of .pyc.
        run.environment = as_variables(environment.compile->environment);
        run.environment.push_back(path);
        run.working_directory = environment.compile->working_directory;
        run.network = Network::none;
        // The list lies below everything, where no layer of the image can hide behind it.
        EnvironmentRun& compile = runs.emplace_back(EnvironmentRun{step, {}});
        compile.beneath.push_back(*environment.compile_list);
        compile.step.keyword = "COMPILE-PYC";
        compile.step.created_by = "conda compile-pyc";
        compile.step.action = std::move(run);
    }
    if (!environment.scripts.runs.empty()) {
        RunStep run;
        run.arguments = {"bash", "-c", environment.scripts.driver()};
        run.environment = {path, epoch};
        run.working_directory = "/";
        run.network = request.network;
        EnvironmentRun& scripts = runs.emplace_back(EnvironmentRun{step, {}});
        scripts.step.keyword = "LINK-SCRIPTS";
        scripts.step.created_by = "conda link scripts of " + script_owners(environment.scripts);
        scripts.step.action = std::move(run);
        scripts.hint = fmt::format(
            "it runs the link scripts of {}: the base or a package must have it",
            script_owners(environment.scripts)
        );
        scripts.hinted = Code::not_found;
    }
    for (const PipStep& pip : environment.pip) {
        RunStep run;
        run.arguments = pip.run.arguments;
        run.environment = as_variables(pip.run.environment);
        run.environment.insert(run.environment.end(), {path, epoch});
        run.working_directory = pip.run.working_directory;
        run.network = Network::none;
        run.scratch = conda::k_pip_directory;
        EnvironmentRun& installing = runs.emplace_back(EnvironmentRun{step, {pip.files}});
        installing.step.keyword = pip.names.empty() ? "COMPILE-PIP" : "PIP";
        installing.step.created_by =
            pip.names.empty() ? "pip compile-pyc" : "pip install " + pip.names;
        installing.step.action = std::move(run);
        installing.hint =
            "pip runs offline, on what the lock names: an archive of sources needs what it is "
            "built with (setuptools, a compiler) among the conda packages";
    }
    return runs;
}

}  // namespace

/// What each stage with environments leaves of the image's layers for every one of them, beside its
/// base and a layer for each of its steps that may make one.
std::size_t BuildRun::layers_left() const {
    struct Load {
        std::size_t layers = 0;
        std::size_t environments = 0;
    };

    std::vector<Load> loads;
    std::size_t least = request_.max_layers;
    for (const Stage& stage : graph_.stages) {
        Load load;
        if (const auto* image = std::get_if<Image>(&stage.base)) {
            load.layers = image->config.diff_ids.size();
        } else if (const auto* other = std::get_if<StageOrigin>(&stage.base)) {
            load = loads.at(other->stage);
        } else if (std::holds_alternative<CondaOrigin>(stage.base)) {
            load.environments = 1;
        }
        for (const Step& step : stage.steps) {
            const auto* copy = std::get_if<CopyStep>(&step.action);
            if (copy != nullptr && is_whole_environment(*copy)) {
                ++load.environments;
            } else if (!std::holds_alternative<ConfigStep>(step.action)) {
                ++load.layers;
            }
        }
        loads.push_back(load);
        const std::size_t left = request_.max_layers - std::min(request_.max_layers, load.layers);
        if (load.environments > 0) {
            least = std::min(least, left / load.environments);
        }
    }
    return least;
}

boost::asio::awaitable<Result<const Environment*>> BuildRun::environment(const std::string& context
) {
    const auto [found, first] = environments_.try_emplace(context);
    if (first) {
        const auto& conda = std::get<CondaContext>(request_.contexts.at(context));
        EnvironmentBuild build{.context = conda, .lease = lease_};
        build.max_layers = layers_left();
        build.epoch = request_.epoch;
        build.layer = LayerOptions{request_.compression, request_.compression_level};
        build.no_cache = request_.no_cache;
        build.link_scripts = request_.link_scripts;
        build.compile_pyc = request_.compile_pyc;
        build.job = job_;
        build.fetch = fetch_;
        auto built = co_await build_environment(services_, std::move(build));
        environments_.at(context).emplace(std::move(built));
        progress_.notify_all();
    }
    while (!environments_.at(context)) {
        co_await progress_.wait();
    }
    const Result<Environment>& result = *environments_.at(context);
    if (!result) {
        co_return fail(result.error());
    }
    co_return &*result;
}

boost::asio::awaitable<Result<bool>> BuildRun::take_environment(
    const Stage& stage, const Step& step, Chain& chain
) {
    const auto* copy = std::get_if<CopyStep>(&step.action);
    if (copy == nullptr || !is_whole_environment(*copy)) {
        co_return false;
    }
    const auto added =
        co_await add_environment(stage, step, std::get<CondaOrigin>(copy->origin).context, chain);
    if (!added) {
        co_return fail(added.error());
    }
    co_return true;
}

boost::asio::awaitable<Result<void>> BuildRun::add_environment(
    const Stage& stage, const Step& step, const std::string& context, Chain& chain
) {
    const auto built = co_await environment(context);
    if (!built) {
        Error error = built.error();
        co_return fail(error.where ? std::move(error) : std::move(error).with_where(step.span));
    }
    const Environment& environment = **built;
    auto make_parents = [this, &environment, ids = chain.diff_ids()]() -> Result<KnownLayer> {
        TRY_ASSIGN(const auto below, trees_.of_layers(ids));
        const CondaLayers layers(services_, writing(), request_.no_cache);
        return layers.parents(environment.prefix, below->files());
    };
    const auto parents = co_await run_on(services_.pool, std::move(make_parents));
    if (!parents) {
        co_return fail(Error(parents.error()).with_where(step.span));
    }
    if (parents->layer) {
        add_layer(chain, *parents->layer, "conda prefix " + environment.prefix, request_.epoch);
    }
    const Chain& taken = environment.chain;
    chain.layers.insert(chain.layers.end(), taken.layers.begin(), taken.layers.end());
    chain.history.insert(chain.history.end(), taken.history.begin(), taken.history.end());
    const auto ran = co_await run_in_environment(stage, step, environment, chain);
    if (!ran) {
        co_return fail(ran.error());
    }
    if (chain.layers.size() > request_.max_layers) {
        co_return fail(Error{
            .code = Code::too_large,
            .message = fmt::format("the image passes {} layers here", request_.max_layers),
            .where = step.span,
            .hint = "an environment takes three at least: what lies above its prefix, its "
                    "packages, conda-meta"});
    }
    const auto& conda = std::get<CondaContext>(request_.contexts.at(context));
    co_return co_await activate(stage, step, conda, environment, chain);
}

boost::asio::awaitable<Result<void>> BuildRun::run_in_environment(
    const Stage& stage, const Step& step, const Environment& environment, Chain& chain
) {
    const std::vector<EnvironmentRun> runs = runs_of(environment, step, request_);
    bool cached = !runs.empty();
    for (const EnvironmentRun& run : runs) {
        std::vector<Digest> below = run.beneath;
        const auto ids = chain.diff_ids();
        below.insert(below.end(), ids.begin(), ids.end());
        const StepLayer layer = co_await settle_step(stage, run.step, std::move(below));
        if (!layer) {
            Error error = layer.error();
            if (error.code == run.hinted && !run.hint.empty()) {
                error.hint = run.hint;
            }
            co_return fail(error.where ? std::move(error) : std::move(error).with_where(step.span));
        }
        if (*layer) {
            add_layer(chain, **layer, run.step.created_by, request_.epoch);
        }
        cached = cached_.erase(step.id) > 0 && cached;
    }
    if (cached) {
        cached_.insert(step.id);  // all of them were
    }
    co_return Result<void>();
}

}  // namespace kiln::daemon
