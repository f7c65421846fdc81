#include "daemon/api/resources.hpp"
#include "daemon/api/run_request.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/log_output.hpp"
#include "daemon/build/run_step.hpp"
#include "daemon/build/stage_planner.hpp"
#include "daemon/devices/device_files.hpp"
#include "daemon/environments/request.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/exec/lent_mounts.hpp"
#include "daemon/runtime/run_on.hpp"

#include <algorithm>
#include <csignal>

namespace kiln::daemon {
namespace {

/// What a container of the image would run: the entry point, then the command given or the image's.
Result<std::vector<std::string>> command_of(
    const RunRequest& request, const oci::RunConfig& config
) {
    if (!request.command.empty()) {
        return request.command;
    }
    std::vector<std::string> words = config.entrypoint.value_or(std::vector<std::string>());
    const std::vector<std::string> cmd = config.cmd.value_or(std::vector<std::string>());
    words.insert(words.end(), cmd.begin(), cmd.end());
    if (words.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("image {} has no command of its own", request.name),
            .hint = "give one: kiln run " + request.name + " -- COMMAND"});
    }
    return words;
}

Result<exec::RunSpec> prepare(
    const RunRequest& request, const Image& image, const SourceTree& files
) {
    const oci::RunConfig& config = image.config.config;
    exec::RunSpec spec;
    TRY_ASSIGN(spec.arguments, command_of(request, config));
    TRY_ASSIGN(const Identity identity, resolve_user(files, request.user.value_or(config.user)));
    spec.environment = config.env;
    if (!oci::find_env(spec.environment, "PATH")) {
        oci::set_env(spec.environment, "PATH", k_default_path);
    }
    if (!oci::find_env(spec.environment, "HOME")) {
        oci::set_env(spec.environment, "HOME", identity.home);
    }
    for (const auto& [name, value] : request.env) {
        oci::set_env(spec.environment, name, value);
    }
    spec.working_directory = request.working_directory.value_or(config.working_dir);
    if (spec.working_directory.empty()) {
        spec.working_directory = "/";
    }
    spec.make_working_directory = spec.working_directory.starts_with('/');
    spec.uid = identity.uid;
    spec.gid = identity.gid;
    spec.supplementary_gids = identity.supplementary_gids;
    spec.network = request.network;
    spec.timestamps = exec::Timestamps::keep;
    return spec;
}

/// Puts what the client has lent into the run, parents before what lies below them.
void lend(exec::RunSpec& spec, const RunRequest& request, const RunFiles& files, const Peer& peer) {
    for (std::size_t i = 0; i < request.mounts.size(); ++i) {
        const RequestedMount& mount = request.mounts[i];
        spec.mounts.push_back(
            {.fd = files.mounts[i].get(),
             .destination = mount.destination,
             .read_only = mount.read_only}
        );
    }
    std::ranges::sort(spec.mounts, {}, &exec::HostMount::destination);
    spec.lender = {.uid = peer.uid, .gid = peer.gid};
    spec.input = files.input.get();
    spec.signals = files.signals.get();
}

/// One POST /v1/runs, with what lives as long as its command.
struct Order {
    RunRequest request;
    RunFiles files;
    Peer peer;
};

/// The record of a run, as far as it is known before.
/// Errors   not_found; conflict: the image is not the environment's.
Result<store::EnvironmentRun> begin_record(
    store::Store& store, const Order& order, const Digest& image
) {
    store::EnvironmentRun record{.image = image, .command = {}, .author = order.peer.uid};
    const auto& environment = order.request.environment;
    if (!environment) {
        return record;
    }
    TRY_ASSIGN(
        const auto version, find_environment(store, environment->workspace, environment->reference)
    );
    TRY_ASSIGN(const auto images, store.environments().images_with_digest(image));
    const auto is_its = [&](const auto& each) { return each.hash == version.hash; };
    if (std::ranges::none_of(images, is_its)) {
        return fail(
            Code::conflict, "image {} was not built for {}", image.render(), reference_of(version)
        );
    }
    record.workspace = version.workspace;
    record.name = version.name;
    record.version = version.version;
    return record;
}

/// As shells tell a death by signal.
int exit_code_of(const exec::Outcome& outcome) {
    return outcome.signal ? 128 + *outcome.signal : outcome.exit_code;
}

/// Gives the run the devices that were asked for; `files` keeps them open.
Result<DeviceFiles> add_devices(
    exec::RunSpec& spec, const RunRequest& request, const std::shared_ptr<Job>& job
) {
    TRY_ASSIGN(const CdiEdits edits, find_devices(cdi_directories(), request.devices));
    for (const std::string& variable : edits.env) {
        const std::size_t equals = variable.find('=');
        const std::string name = variable.substr(0, equals);
        if (!request.env.contains(name)) {
            oci::set_env(spec.environment, name, variable.substr(equals + 1));
        }
    }
    for (const std::string& each : edits.not_done) {
        // It would be done by the host's root, outside of every sandbox.
        Job::post(
            job, WarningEvent{fmt::format("{} of a device's CDI specification is not done", each)}
        );
    }
    TRY_ASSIGN(DeviceFiles opened, open_device_files(edits));
    spec.mounts.insert(spec.mounts.end(), opened.mounts.begin(), opened.mounts.end());
    return opened;
}

/// Runs the command; what it changed is gone with the Execution.
Result<ResultEvent> run(Services& services, const Order& order, const std::shared_ptr<Job>& job) {
    store::Store& store = services.store;
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const store::Ref ref, find_image(store, order.request.name));
    lease.keep(ref.target);
    TRY_ASSIGN(store::EnvironmentRun record, begin_record(store, order, ref.target.digest));
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(const auto files, SourceTree::of_layers(store, image.config.diff_ids));
    TRY_ASSIGN(exec::RunSpec spec, prepare(order.request, image, *files));
    TRY_ASSIGN(const DeviceFiles devices, add_devices(spec, order.request, job));
    lend(spec, order.request, order.files, order.peer);
    TRY(unpack_layers(services.executor, store, image.config.diff_ids, job->stop_token()));
    TRY_ASSIGN(const LowerLayers lower, LowerLayers::open(store, image.config.diff_ids));
    spec.layers = lower.layers();
    spec.network_scope = job->id();
    LogOutput output(job, std::nullopt);
    record.command = json::render(json::from_texts(spec.arguments));
    record.started = services.clock.now();
    // Before it begins, so that it is known whatever becomes of this daemon.
    TRY_ASSIGN(
        const std::uint64_t id, store.environments().add_run(record), "while recording the run"
    );
    const auto execution = services.executor.run(spec, output, job->stop_token());
    if (!execution && execution.error().code != Code::cancelled) {
        return fail(execution.error());  // who knows how the command ended
    }
    // Whoever cancels a run has its command killed.
    constexpr int k_killed = 128 + SIGKILL;
    const int exit_code = execution ? exit_code_of((*execution)->outcome()) : k_killed;
    const store::RunEnd end{.ended = services.clock.now(), .exit_code = exit_code};
    const auto recorded = store.environments().end_run(id, end);
    TRY(execution);
    TRY(recorded, "while recording the run");
    ResultEvent result;
    result.image = ref.target.digest;
    result.exit_code = exit_code;
    return result;
}

Awaitable<Result<void>> post_run(Exchange& exchange, Services& services, BuildTable& builds) {
    auto files = co_await exchange.receive_files(exec::k_most_mounts + 2);
    if (!files) {
        co_return fail(files.error());
    }
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto request = RunRequest::parse(*body);
    if (!request) {
        co_return fail(request.error());
    }
    auto sorted = RunFiles::sort(*request, std::move(*files));
    if (!sorted) {
        co_return fail(sorted.error());
    }
    Order made{std::move(*request), std::move(*sorted), exchange.peer()};
    const auto order = std::make_shared<const Order>(std::move(made));
    BuildTable::Work work = [&services,
                             order](std::shared_ptr<Job> job) -> Awaitable<Result<ResultEvent>> {
        auto command = [&services, &order, job] { return run(services, *order, job); };
        auto result = co_await run_on(services.waiters, std::move(command));
        services.executor.close_scope(job->id());
        co_return result;
    };
    const std::string name = "run " + order->request.name;
    co_return co_await respond_job_events(exchange, builds, name, std::move(work));
}

json::Value render_record(const store::EnvironmentRun& run) {
    const bool of_environment = !run.name.empty() || !run.version.empty();
    const std::string reference =
        run.name.empty() ? run.version : fmt::format("{}:{}", run.name, run.version);
    auto command = json::parse(run.command, "a recorded command");
    return json::Object{
        {"id", run.id},
        {"workspace", of_environment ? json::Value(run.workspace) : json::Value(nullptr)},
        {"environment", of_environment ? json::Value(reference) : json::Value(nullptr)},
        {"image", run.image.render()},
        {"command", command ? std::move(*command) : json::Value(json::Array())},
        {"author", run.author},
        {"started", render_time(run.started)},
        {"ended", run.end ? json::Value(render_time(run.end->ended)) : json::Value(nullptr)},
        {"exit_code", run.end ? json::Value(run.end->exit_code) : json::Value(nullptr)}};
}

constexpr std::size_t k_listed_runs = 1000;

Result<std::vector<store::EnvironmentRun>> find_runs(store::Store& store, const Target& target) {
    const store::Environments environments = store.environments();
    if (const auto image = target.first("image")) {
        // An image that is gone is still known to have run.
        const auto digest = Digest::parse(*image);
        if (digest) {
            return environments.runs(*digest, k_listed_runs);
        }
        TRY_ASSIGN(const store::Ref ref, find_image(store, *image));
        return environments.runs(ref.target.digest, k_listed_runs);
    }
    if (const auto reference = target.first("environment")) {
        const auto workspace = target.first("workspace").value_or(std::string(k_default_workspace));
        TRY_ASSIGN(const auto version, find_environment(store, workspace, *reference));
        const bool one = version.name.empty() || reference->find(':') != std::string::npos;
        return environments.runs_of(
            {version.workspace, version.name, one ? version.version : std::string()}, k_listed_runs
        );
    }
    return environments.runs(std::nullopt, k_listed_runs);
}

Awaitable<Result<void>> get_runs(Exchange& exchange, Services& services) {
    auto find = [&services, &exchange]() -> Result<json::Value> {
        TRY_ASSIGN(const auto runs, find_runs(services.store, exchange.target()));
        json::Array records;
        for (const store::EnvironmentRun& run : runs) {
            records.push_back(render_record(run));
        }
        return json::Value(json::Object{{"runs", std::move(records)}});
    };
    auto answer = co_await run_on(services.pool, std::move(find));
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    co_return co_await exchange.respond_json(200, std::move(*answer));
}

}  // namespace

void add_run_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/runs", [&services, &builds](Exchange& exchange, Parameters) {
        return post_run(exchange, services, builds);
    });
    router.add("GET", "/v1/runs", [&services](Exchange& exchange, Parameters) {
        return get_runs(exchange, services);
    });
}

}  // namespace kiln::daemon
