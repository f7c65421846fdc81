#include "client/build/output_spec.hpp"
#include "client/commands/commands.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/http/endpoint.hpp"
#include "client/mount_spec.hpp"
#include "client/progress/json_progress.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/run.hpp"
#include "store/base/pipe.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kiln::client {
namespace {

/// Warnings only: the terminal belongs to the command.
class RunProgress final : public Progress {
  public:
    explicit RunProgress(const ErrorDrawing& drawing)
        : drawing_(drawing) {}

    std::string take(const wire::Event& event, std::string_view /*line*/, const Moment& /*moment*/)
        override {
        const auto* warning = std::get_if<wire::WarningEvent>(&event.body);
        return warning == nullptr ? std::string() : drawing_.draw(*warning);
    }

  private:
    const ErrorDrawing& drawing_;
};

constexpr std::string_view k_environment_scheme = "env:";
/// An anonymous environment is known by its hash, and shown by the beginning of it.
constexpr std::size_t k_hash_digits = 64;
constexpr std::size_t k_short_hash = 12;

/// The image of the environment that is to be run, and the environment itself for the record.
Result<void> use_environment(
    Session& session, wire::RunRequest& request, const RunArguments& arguments
) {
    const auto progress = session.make_progress();
    std::string reference;
    if (arguments.file.empty()) {
        reference = arguments.image.substr(k_environment_scheme.size());
    } else {
        EnvironmentSource source{arguments.file, arguments.workspace};
        source.is_anonymous = true;
        TRY_ASSIGN(
            const CreatedEnvironment created, create_environment(session, *progress, source)
        );
        reference = created.row.version;
    }
    TRY_ASSIGN(
        const Digest image, build_environment(session, *progress, {arguments.workspace, reference})
    );
    request.name = image.render();
    request.environment = wire::RunEnvironment{arguments.workspace, std::move(reference)};
    return {};
}

Result<wire::RunRequest> run_request(Session& session, const RunArguments& arguments) {
    wire::RunRequest request;
    request.name = arguments.image;
    request.command = arguments.command;
    TRY_ASSIGN(
        request.env,
        parse_pairs(arguments.env, "--env", BareKeys::from_environment, session.environment())
    );
    if (!arguments.workdir.empty()) {
        request.workdir = arguments.workdir;
    }
    if (!arguments.user.empty()) {
        request.user = arguments.user;
    }
    request.network = arguments.network;
    request.devices = arguments.devices;
    request.has_input = arguments.interactive;
    request.has_signals = true;
    return request;
}

/// Has what is mounted opened, and tells its places.
Result<std::vector<Fd>> open_mounts(wire::RunRequest& request, const RunArguments& arguments) {
    std::vector<Fd> files;
    for (const std::string& text : arguments.mounts) {
        TRY_ASSIGN(const MountSpec spec, MountSpec::parse(text));
        TRY_ASSIGN(Fd file, spec.open());
        files.push_back(std::move(file));
        request.mounts.push_back({spec.destination, spec.read_only});
    }
    return files;
}

/// What Ctrl-C and its like ask of the command, while this lives.
class SignalPipe {
  public:
    explicit SignalPipe(const Interrupt& interrupt)
        : interrupt_(interrupt) {}

    SignalPipe(const SignalPipe&) = delete;
    SignalPipe& operator=(const SignalPipe&) = delete;

    ~SignalPipe() { interrupt_.redirect(-1); }

    /// The end that the command's signals are read from.
    Result<Fd> open() {
        TRY_ASSIGN(Pipe pipe, Pipe::make());
        write_end_ = std::move(pipe.write_end);
        return std::move(pipe.read_end);
    }

    /// Not before the request is on its way: until then they end kiln.
    void redirect() { interrupt_.redirect(write_end_.get()); }

  private:
    const Interrupt& interrupt_;
    Fd write_end_;
};

/// The command's output goes through as it is, byte for byte.
Result<wire::ResultEvent> follow_run(Session& session, Connection& connection) {
    EventHandlers handlers;
    handlers.log = [&](const wire::LogEvent& log) -> Result<void> {
        const Streams& streams = session.streams();
        const int fd = log.stream == wire::Stream::out ? streams.out : streams.err;
        return write_all(fd, as_bytes(log.bytes));
    };
    std::unique_ptr<Progress> progress = std::make_unique<RunProgress>(session.drawing());
    if (session.is_json_progress()) {
        progress = std::make_unique<JsonProgress>();
    }
    return follow_events(session, connection, *progress, handlers);
}

/// As a shell would take it, near enough for people.
std::string render_command(const std::vector<std::string>& words) {
    constexpr std::size_t k_shown_bytes = 60;
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    for (char& each : text) {
        each = static_cast<unsigned char>(each) < ' ' ? ' ' : each;
    }
    return text.size() <= k_shown_bytes ? text : text.substr(0, k_shown_bytes - 3) + "...";
}

std::string runs_target(const RunsArguments& arguments) {
    std::string_view reference = arguments.image;
    if (reference.empty()) {
        return "/v1/runs";
    }
    if (!reference.starts_with(k_environment_scheme)) {
        return "/v1/runs?image=" + encode_component(reference);
    }
    reference.remove_prefix(k_environment_scheme.size());
    return fmt::format(
        "/v1/runs?environment={}&workspace={}",
        encode_component(reference),
        encode_component(arguments.workspace)
    );
}

}  // namespace

Result<int> run(Session& session, const RunArguments& arguments) {
    if (arguments.image.empty() && arguments.file.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "which image?",
            .hint = "kiln run REF -- COMMAND, or env:NAME, or -f FILE"});
    }
    TRY_ASSIGN(wire::RunRequest request, run_request(session, arguments));
    TRY_ASSIGN(std::vector<Fd> files, open_mounts(request, arguments));
    if (!arguments.file.empty() || arguments.image.starts_with(k_environment_scheme)) {
        TRY(use_environment(session, request, arguments));
    }
    if (request.has_input) {
        files.emplace_back(::fcntl(session.streams().in, F_DUPFD_CLOEXEC, 0));
        if (!files.back().is_open()) {
            return fail(Code::invalid_input, "-i needs an open stdin");
        }
    }
    SignalPipe signals(session.interrupt());
    TRY_ASSIGN(Fd signalled, signals.open());
    files.push_back(std::move(signalled));
    TRY_ASSIGN(Connection * connection, session.connection());
    const Request message{
        .method = "POST", .target = "/v1/runs", .body = json::render(wire::render(request))};
    TRY(connection->send(message, files));
    signals.redirect();
    TRY_ASSIGN(const auto result, follow_run(session, *connection));
    // A command that ran has its own word, whatever the daemon thinks of it.
    if (result.exit_code) {
        return *result.exit_code;
    }
    TRY(check_result(result));
    return fail(Code::internal, "the run is done, but kilnd tells no exit code");
}

Result<int> run(Session& session, const RunsArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(runs_target(arguments)));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto runs, wire::parse_runs(value));
    Table table({{"STARTED"}, {"EXIT"}, {"UID"}, {"ENVIRONMENT"}, {"IMAGE"}, {"COMMAND"}});
    for (const wire::RunRecord& run : runs) {
        const std::string environment = run.environment.value_or("-");
        table.add(
            {run.started,
             run.exit_code ? std::to_string(*run.exit_code) : "-",
             std::to_string(run.author),
             environment.size() == k_hash_digits ? environment.substr(0, k_short_hash)
                                                 : environment,
             short_digest(run.image.render()),
             render_command(run.command)}
        );
    }
    TRY(session.print(table.render()));
    return 0;
}

}  // namespace kiln::client
