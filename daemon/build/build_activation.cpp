// BuildRun, the part that activates a conda environment where it lies: what its packages and its
// specification declare, and, when asked for, what its scripts set.

#include "daemon/build/build_run.hpp"
#include "daemon/build/known_layers.hpp"
#include "daemon/build/log_output.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/installed/declared_variables.hpp"
#include "layers/conda/scripts/activate.hpp"
#include "layers/oci/chain_id.hpp"

#include <array>

namespace kiln::daemon {
namespace {

/// The command's stdout, kept; what the scripts say on stderr goes to the log.
class ActivationOutput final : public exec::OutputSink {
  public:
    ActivationOutput(std::shared_ptr<Job> job, std::size_t step)
        : log_(std::move(job), step) {}

    void write(exec::Stream stream, ByteSpan bytes) override {
        if (stream == exec::Stream::error) {
            log_.write(stream, bytes);
        } else if (text_.size() <= conda::k_activation_bytes) {
            text_ += as_text(bytes);
        }
    }

    Result<conda::ScriptedVariables> variables() const {
        if (text_.size() > conda::k_activation_bytes) {
            return fail(
                Code::too_large,
                "the variables of the environment have more than {}",
                render_size(conda::k_activation_bytes)
            );
        }
        return conda::read_activation(text_);
    }

  private:
    LogOutput log_;
    std::string text_;
};

/// Scripts are written for bash, as most who activate an environment have it.
std::optional<std::string> find_shell(const tree::FileTree& files, const std::string& prefix) {
    const std::string programs = prefix.substr(1) + "/bin/";
    const std::array<std::string, 6> k_places = {
        "bin/bash", "usr/bin/bash", programs + "bash", "bin/sh", "usr/bin/sh", programs + "sh"};
    for (const std::string& place : k_places) {
        const auto target = files.resolve(place, tree::FileTree::Last::follow);
        const auto file = target ? files.find(*target) : std::nullopt;
        if (file && file->row.entry.type == tar::EntryType::file) {
            return "/" + place;
        }
    }
    return std::nullopt;
}

const ActivationPoint& point_of(const Stage& stage, const Step& step) {
    const auto* copy = std::get_if<CopyStep>(&step.action);
    return copy != nullptr ? copy->activation : stage.activation;
}

CacheKey activation_key(const exec::RunSpec& spec, const std::vector<Digest>& diff_ids) {
    CacheKey key("conda-activate/2");
    key.add("the layers below", oci::chain_id(diff_ids).render());
    for (const std::string& argument : spec.arguments) {
        key.add("the command", argument);
    }
    for (const std::string& variable : spec.environment) {
        key.add("variable", variable);
    }
    return key;
}

}  // namespace

Result<Activation> BuildRun::run_activation(
    const Step& step,
    const CondaContext& context,
    const std::vector<Digest>& diff_ids,
    std::vector<std::string> environment
) {
    TRY_ASSIGN(const auto tree, trees_.of_layers(diff_ids));
    const std::vector<std::string> scripts =
        conda::activation_scripts(tree->files(), context.prefix);
    if (scripts.empty()) {
        return Activation();
    }
    const auto shell = find_shell(tree->files(), context.prefix);
    if (!shell) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "{} is not run: there is no shell in the image, nor in the environment",
                scripts.front()
            ),
            .where = step.span,
            .hint = "activate=yes needs a base with bash or sh"});
    }
    exec::RunSpec spec;
    spec.arguments = {*shell, "-c", conda::activation_program(scripts)};
    spec.environment = environment;
    oci::set_env(spec.environment, "CONDA_SHLVL", "1");
    oci::set_env(spec.environment, "SOURCE_DATE_EPOCH", fmt::format("{}", request_.epoch));
    if (!oci::find_env(spec.environment, "HOME")) {
        oci::set_env(spec.environment, "HOME", "/root");
    }
    spec.network = Network::none;
    spec.epoch = request_.epoch;
    const KnownLayers known(services_.store, lease_, request_.no_cache);
    const Digest key = activation_key(spec, diff_ids).digest();
    TRY_ASSIGN(const auto remembered, known.find_record(key));
    if (remembered) {
        return parse_activation(remembered->payload);
    }
    TRY(unpack_layers(services_.executor, services_.store, diff_ids, job_->stop_token()));
    TRY_ASSIGN(const LowerLayers lower, LowerLayers::open(services_.store, diff_ids));
    spec.layers = lower.layers();
    spec.network_scope = job_->id();
    ActivationOutput output(job_, step.id);
    TRY_ASSIGN(
        const auto execution,
        services_.executor.run(spec, output, job_->stop_token()),
        "while activating {}",
        context.prefix
    );
    auto variables = output.variables();
    if (!variables || !execution->outcome().succeeded()) {
        return fail(Error{
            .code = Code::step_failed,
            .message = fmt::format("the scripts of {}/etc/conda/activate.d failed", context.prefix),
            .where = step.span,
            .hint = "their own words are above; they are sourced in the order of their names, and "
                    "none may leave the shell"});
    }
    Activation activation{.variables = std::move(variables->set), .unset = {}};
    for (const std::string& name : variables->unset) {
        if (oci::find_env(environment, name)) {  // not what only the scripts were given
            activation.unset.insert(name);
        }
    }
    TRY(known.remember(
        {}, {store::CacheRecord{.key = key, .payload = render_activation(activation)}}
    ));
    return activation;
}

boost::asio::awaitable<Result<void>> BuildRun::activate(
    const Stage& stage,
    const Step& step,
    const CondaContext& context,
    const Environment& laid,
    Chain& chain
) {
    const ActivationPoint& point = point_of(stage, step);
    auto look =
        [this, &context, &laid, ids = chain.diff_ids()]() -> Result<conda::DeclaredVariables> {
        if (!laid.declares_variables) {
            return conda::DeclaredVariables();
        }
        TRY_ASSIGN(const auto tree, trees_.of_layers(ids));
        const conda::ReadContent read = [&tree](const tree::Node& node) -> Result<Bytes> {
            TRY_ASSIGN(const auto source, tree->open(node));
            return read_all(*source, node.row.entry.size_bytes, node.row.entry.path);
        };
        return conda::read_declared_variables(tree->files(), context.prefix, read);
    };
    auto declared = co_await run_on(services_.pool, std::move(look));
    if (!declared) {
        co_return fail(declared.error());
    }
    for (const std::string& warning : declared->warnings) {
        job_->emit(WarningEvent{.message = warning, .where = step.span});
    }
    Activation activation{.variables = std::move(declared->variables), .unset = {}};
    if (context.activate) {
        auto environment = activated(point.environment, activation);
        auto run = [this, &step, &context, ids = chain.diff_ids(), env = std::move(environment)] {
            return run_activation(step, context, ids, env);
        };
        auto set = co_await run_on(services_.waiters, std::move(run));
        if (!set) {
            co_return fail(set.error());
        }
        for (auto& [name, value] : set->variables) {
            activation.variables.insert_or_assign(name, std::move(value));
        }
        for (const std::string& name : set->unset) {
            activation.variables.erase(name);
        }
        activation.unset = std::move(set->unset);
    }
    for (std::string& told : activation_history(point, activation)) {
        chain.history.push_back(oci::HistoryEntry{
            .created = render_time(request_.epoch),
            .created_by = std::move(told),
            .comment = "kiln",
            .empty_layer = true});
    }
    plan_.learn(step.id, std::move(activation));
    co_return Result<void>();
}

}  // namespace kiln::daemon
