#include "client/build/output_spec.hpp"
#include "client/commands/commands.hpp"
#include "client/follow.hpp"
#include "client/progress/json_progress.hpp"
#include "client/wire/image.hpp"

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

}  // namespace

/// The command's output goes through as it is, byte for byte.
Result<int> run(Session& session, const RunArguments& arguments) {
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
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .method = "POST", .target = "/v1/runs", .body = json::render(wire::render(request))}));
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
    TRY_ASSIGN(const auto result, follow_events(session, *connection, *progress, handlers));
    // A command that ran has its own word, whatever the daemon thinks of it.
    if (result.exit_code) {
        return *result.exit_code;
    }
    TRY(check_result(result));
    return fail(Code::internal, "the run is done, but kilnd tells no exit code");
}

}  // namespace kiln::client
