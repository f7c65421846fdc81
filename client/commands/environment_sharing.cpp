#include "client/commands/commands.hpp"
#include "client/credentials.hpp"
#include "client/environments/creation.hpp"
#include "client/follow.hpp"
#include "client/wire/environment.hpp"

namespace kiln::client {
namespace {

Result<wire::ResultEvent> post(
    Session& session, Progress& progress, std::string target, const json::Value& body
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{
        .method = "POST", .target = std::move(target), .body = json::render(body)}));
    TRY_ASSIGN(wire::ResultEvent result, follow_events(session, *connection, progress, {}));
    TRY(check_result(result));
    return result;
}

}  // namespace

/// An environment that is not built yet is built first.
Result<int> run(Session& session, const EnvShareArguments& arguments) {
    const auto progress = session.make_progress();
    EnvironmentWish wish{arguments.workspace, arguments.environment};
    wish.pull = true;
    TRY(build_environment(session, *progress, wish));
    TRY_ASSIGN(
        const auto credentials, credentials_for(session.environment(), {arguments.destination})
    );
    const json::Object body{
        {"workspace", arguments.workspace},
        {"environment", arguments.environment},
        {"destination", arguments.destination},
        {"credentials", wire::render_credentials(credentials)}};
    TRY_ASSIGN(const auto result, post(session, *progress, "/v1/environment-shares", body));
    if (result.image) {
        TRY(session.print(result.image->render() + '\n'));
    }
    return 0;
}

Result<int> run(Session& session, const EnvImportArguments& arguments) {
    const auto progress = session.make_progress();
    TRY_ASSIGN(
        const auto credentials, credentials_for(session.environment(), {arguments.reference})
    );
    const json::Object body{
        {"workspace", arguments.workspace},
        {"reference", arguments.reference},
        {"credentials", wire::render_credentials(credentials)}};
    TRY_ASSIGN(const auto result, post(session, *progress, "/v1/environment-imports", body));
    if (!result.report) {
        return fail(Code::internal, "the import is done, but kilnd tells nothing of it");
    }
    TRY_ASSIGN(const auto row, wire::parse_environment_row(*result.report));
    TRY(session.print((row.name.empty() ? row.version : row.name + ":" + row.version) + '\n'));
    return 0;
}

}  // namespace kiln::client
