#include "client/commands/commands.hpp"
#include "client/credentials.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/http/endpoint.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/environment.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

/// Of the workspace's registry, and of those that its bases come from.
Result<std::map<std::string, wire::Credentials>> refresh_credentials(
    Session& session, const EnvRefreshArguments& arguments
) {
    TRY_ASSIGN(auto credentials, workspace_credentials(session, arguments.workspace));
    TRY_ASSIGN(
        const json::Value value,
        session.get("/v1/environment-bases?workspace=" + encode_component(arguments.workspace))
    );
    TRY_ASSIGN(const auto bases, wire::parse_base_names(value));
    TRY_ASSIGN(auto of_bases, credentials_for(session.environment(), bases));
    credentials.merge(of_bases);
    return credentials;
}

/// What resolving anew would change, where the packages do not fit: nothing is kept of it.
Result<void> tell_packages(
    Session& session,
    Progress& progress,
    const std::string& workspace,
    const std::vector<wire::RefreshedEnvironment>& rows
) {
    for (const wire::RefreshedEnvironment& row : rows) {
        if (!row.unresolved) {
            continue;
        }
        TRY_ASSIGN(const MadeLock made, lock_environment(session, progress, *row.unresolved));
        const json::Object body{
            {"workspace", workspace},
            {"environment", row.name + ":" + row.from_version},
            {"lock", json::Object{{"name", "the new lock"}, {"text", made.text}}}};
        TRY_ASSIGN(Connection * connection, session.connection());
        TRY_ASSIGN(
            const json::Value value, connection->call("POST", "/v1/environment-differences", body)
        );
        TRY_ASSIGN(const auto changes, wire::parse_environment_differences(value));
        for (const wire::DefinitionChange& change : changes) {
            session.note(fmt::format("{}: {}\n", row.name, clean_line(change.sentence)));
        }
    }
    return {};
}

/// What the daemon could not carry over is resolved anew, and packages of this host are sent, as a
/// build of the next version does. One that fails keeps no other back.
/// Errors   of the first that failed; the others are told.
Result<void> build_rest(
    Session& session,
    Progress& progress,
    const std::string& workspace,
    const std::vector<wire::RefreshedEnvironment>& rows
) {
    std::optional<Error> first;
    for (const wire::RefreshedEnvironment& row : rows) {
        const bool is_unsent = row.status == "unsent";
        if ((row.status != "unresolved" && !is_unsent) || row.to_version.empty()) {
            continue;
        }
        const std::string_view how =
            is_unsent ? "built from packages of this host" : "resolved anew";
        session.note(fmt::format("{} is {}: {}\n", row.name, how, clean_line(row.reason)));
        const std::string next = row.name + ":" + row.to_version;
        auto built = build_environment(session, progress, {workspace, next});
        if (built) {
            continue;
        }
        Error error = std::move(built).error().with_trail("building " + next);
        if (error.code == Code::cancelled) {
            return fail(std::move(error));
        }
        if (first) {
            session.note(session.drawing().draw(error));
        } else {
            first = std::move(error);
        }
    }
    return first ? Result<void>(fail(std::move(*first))) : Result<void>();
}

std::string table_of(const std::vector<wire::RefreshedEnvironment>& rows) {
    Table table({{"NAME"}, {"VERSION"}, {"STATUS"}, {"BASE"}, {"BYTES", Align::right}, {"REASON"}});
    for (const wire::RefreshedEnvironment& row : rows) {
        const std::string next = row.to_version.empty() ? "" : " to " + row.to_version;
        table.add(
            {or_dash(row.name),
             row.from_version + next,
             row.status + (row.is_old ? ", base older than 30 days" : ""),
             or_dash(row.base),
             std::to_string(row.moved_bytes),
             or_dash(row.reason)}
        );
    }
    return table.render();
}

}  // namespace

Result<int> run(Session& session, const EnvRefreshArguments& arguments) {
    if (arguments.names.empty() && !arguments.all) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "which environments?",
            .hint = "kiln env refresh NAME…, or --all"});
    }
    TRY_ASSIGN(const auto credentials, refresh_credentials(session, arguments));
    const json::Object body{
        {"workspace", arguments.workspace},
        {"names", json::from_texts(arguments.names)},
        {"pull", arguments.pull.empty() ? json::Value(nullptr) : json::Value(arguments.pull)},
        {"dry_run", arguments.dry_run},
        {"credentials", wire::render_credentials(credentials)}};
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .method = "POST", .target = "/v1/environment-refreshes", .body = json::render(body)}));
    const auto progress = session.make_progress();
    TRY_ASSIGN(const auto result, follow_events(session, *connection, *progress, {}));
    TRY(check_result(result));
    if (!result.report) {
        return fail(Code::internal, "the refresh is done, but kilnd tells nothing of it");
    }
    TRY_ASSIGN(const auto rows, wire::parse_refreshed(*result.report));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(*result.report)));
    } else {
        TRY(session.print(table_of(rows)));
    }
    if (arguments.dry_run) {
        TRY(tell_packages(session, *progress, arguments.workspace, rows));
    } else {
        TRY(build_rest(session, *progress, arguments.workspace, rows));
    }
    const bool failed = std::any_of(rows.begin(), rows.end(), [](const auto& row) {
        return row.status == "failed";
    });
    return failed ? 1 : 0;
}

}  // namespace kiln::client
