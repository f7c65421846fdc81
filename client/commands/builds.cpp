#include "client/commands/commands.hpp"
#include "client/commands/explain_text.hpp"
#include "client/follow.hpp"
#include "client/progress/json_progress.hpp"
#include "client/progress/plain_progress.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/build.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

std::string build_target(const std::string& id) {
    return "/v1/builds/" + encode_component(id);
}

/// Draws to stdout what another progress would draw to stderr: the log is the result here.
class PrintedProgress final : public Progress {
  public:
    PrintedProgress(Session& session, std::unique_ptr<Progress> inner)
        : session_(session),
          inner_(std::move(inner)) {}

    std::string take(const wire::Event& event, std::string_view line, const Moment& moment)
        override {
        keep(session_.print(inner_->take(event, line, moment)));
        return {};
    }

    std::string finish(const Moment& moment) override {
        keep(session_.print(inner_->finish(moment)));
        return {};
    }

    Result<void> printed() { return printed_; }

  private:
    void keep(Result<void> printed) {
        if (printed_ && !printed) {
            printed_ = std::move(printed);
        }
    }

    Session& session_;
    std::unique_ptr<Progress> inner_;
    Result<void> printed_;
};

}  // namespace

Result<int> run(Session& session, const BuildsArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get("/v1/builds"));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto builds, wire::parse_builds(value));
    if (session.options().quiet) {
        for (const wire::BuildRecord& build : builds) {
            TRY(session.print(build.id + '\n'));
        }
        return 0;
    }
    Table table({{"ID"}, {"STATUS"}, {"NAME"}, {"STARTED"}, {"STEPS"}, {"IMAGE"}});
    for (const wire::BuildRecord& build : builds) {
        table.add(
            {build.id,
             build.status,
             build.name,
             build.started,
             fmt::format("{} ({} cached)", build.steps, build.cached),
             build.image ? short_digest(build.image->render()) : "-"}
        );
    }
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const LogsArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{.target = build_target(arguments.build) + "/events?after=0"}));
    std::unique_ptr<Progress> inner = std::make_unique<PlainProgress>(session.drawing());
    if (session.is_json_progress()) {
        inner = std::make_unique<JsonProgress>();
    }
    PrintedProgress progress(session, std::move(inner));
    TRY_ASSIGN(const auto result, follow_events(session, *connection, progress, {}));
    TRY(progress.printed());
    TRY(check_result(result));
    return 0;
}

Result<int> run(Session& session, const CancelArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY_ASSIGN(const json::Value value, connection->call("DELETE", build_target(arguments.build)));
    TRY_ASSIGN(const wire::BuildRecord build, wire::parse_build_record(value));
    TRY(session.print(build.id + '\n'));
    return 0;
}

Result<int> run(Session& session, const ExplainArguments& arguments) {
    if (arguments.format == ListFormat::json) {
        TRY_ASSIGN(
            const json::Value value, session.get(build_target(arguments.build) + "/explain")
        );
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const std::string text, explain_text(session, arguments.build));
    TRY(session.print(text));
    return 0;
}

}  // namespace kiln::client
