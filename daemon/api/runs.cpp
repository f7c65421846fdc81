#include "daemon/api/resources.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/log_output.hpp"
#include "daemon/build/run_step.hpp"
#include "daemon/build/stage_planner.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

struct RunRequest {
    std::string name;
    std::vector<std::string> command;
    std::map<std::string, std::string> env;
    std::optional<std::string> working_directory;
    std::optional<std::string> user;
    Network network = Network::standard;
};

Result<RunRequest> parse_run(const json::Value& body) {
    json::ObjectReader in(body, "the run request");
    RunRequest request;
    request.name = in.text("name");
    request.command = in.texts_or_empty("command");
    request.env = in.text_map_or_empty("env");
    request.working_directory = in.optional_text("workdir");
    request.user = in.optional_text("user");
    TRY_ASSIGN(request.network, parse_network(in.text_or("network", "default")));
    TRY(in.finish(json::UnknownFields::refuse));
    return request;
}

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
    spec.uid = identity.uid;
    spec.gid = identity.gid;
    spec.supplementary_gids = identity.supplementary_gids;
    spec.network = request.network;
    spec.timestamps = exec::Timestamps::keep;
    return spec;
}

/// Runs the command; what it changed is gone with the Execution.
Result<ResultEvent> run(
    Services& services, const RunRequest& request, const std::shared_ptr<Job>& job
) {
    store::Store& store = services.store;
    const store::Lease lease = store.lease();
    TRY_ASSIGN(const store::Ref ref, find_image(store, request.name));
    lease.keep(ref.target);
    TRY_ASSIGN(const Image image, load_image(store, ref.target));
    TRY_ASSIGN(const auto files, SourceTree::of_layers(store, image.config.diff_ids));
    TRY_ASSIGN(exec::RunSpec spec, prepare(request, image, *files));
    TRY(unpack_layers(services.executor, store, image.config.diff_ids, job->stop_token()));
    TRY_ASSIGN(const LowerLayers lower, LowerLayers::open(store, image.config.diff_ids));
    spec.layers = lower.layers();
    spec.network_scope = job->id();
    LogOutput output(job, std::nullopt);
    TRY_ASSIGN(const auto execution, services.executor.run(spec, output, job->stop_token()));
    const exec::Outcome& outcome = execution->outcome();
    ResultEvent result;
    result.image = ref.target.digest;
    // As shells tell a death by signal.
    result.exit_code = outcome.signal ? 128 + *outcome.signal : outcome.exit_code;
    return result;
}

Awaitable<Result<void>> post_run(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto request = parse_run(*body);
    if (!request) {
        co_return fail(request.error());
    }
    BuildTable::Work work = [&services, owned = *request](std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        auto command = [&services, &owned, job] { return run(services, owned, job); };
        auto result = co_await run_on(services.waiters, std::move(command));
        services.executor.close_scope(job->id());
        co_return result;
    };
    const auto job = builds.start("run " + request->name, Attachment::attached, std::move(work));
    if (!job) {
        co_return fail(job.error());
    }
    co_return co_await respond_events(exchange, *job, 0);
}

}  // namespace

void add_run_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/runs", [&services, &builds](Exchange& exchange, Parameters) {
        return post_run(exchange, services, builds);
    });
}

}  // namespace kiln::daemon
