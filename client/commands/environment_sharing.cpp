#include "client/commands/commands.hpp"
#include "client/credentials.hpp"
#include "client/environments/creation.hpp"
#include "client/environments/curation.hpp"
#include "client/follow.hpp"
#include "client/http/endpoint.hpp"
#include "client/render/text.hpp"
#include "client/wire/environment.hpp"

#include <sys/stat.h>

#include <algorithm>

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

/// The source that the workspace is configured with.
Result<std::string> configured_source(Session& session, const std::string& workspace) {
    TRY_ASSIGN(
        const json::Value value, session.get("/v1/workspaces/" + encode_component(workspace))
    );
    json::ObjectReader in(value, "the workspace");
    auto source = in.optional_text("curated_source");
    TRY(in.finish(json::UnknownFields::ignore));
    if (!source) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the workspace {} has no curated source", workspace),
            .hint = fmt::format(
                "kiln env curate SOURCE, or in kilnd.toml: [workspaces.{}] curated_source = \"…\"",
                workspace
            )});
    }
    return std::move(*source);
}

bool is_directory(const std::string& source) {
    struct stat facts {};

    const bool there = ::stat(source.c_str(), &facts) == 0;
    return there ? S_ISDIR(facts.st_mode) : source.starts_with('/') || source.starts_with('.');
}

Result<std::vector<CuratedEnvironment>> curate_reference(
    Session& session, Progress& progress, const std::string& workspace, const std::string& source
) {
    const bool is_workspace = source.starts_with("workspace:");
    const std::string host = source.substr(0, source.find('/'));
    if (!is_workspace && host != "localhost" && host.find_first_of(".:") == std::string::npos) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is neither a directory nor a reference that says its registry", source
            ),
            .hint = "kiln env curate DIRECTORY, or HOST/NAME[:TAG]"});
    }
    TRY_ASSIGN(const auto credentials, credentials_for(session.environment(), {source}));
    const json::Object body{
        {"workspace", workspace},
        {"source", source},
        {"credentials", wire::render_credentials(credentials)}};
    TRY_ASSIGN(const auto result, post(session, progress, "/v1/environment-curations", body));
    if (!result.report) {
        return fail(Code::internal, "the set is taken in, but kilnd tells nothing of it");
    }
    TRY_ASSIGN(auto report, wire::parse_curation_report(*result.report));
    for (const auto& passed : report.passed_over) {
        session.note(fmt::format("passed over: {}\n", clean_line(passed.reason)));
    }
    std::vector<CuratedEnvironment> taken;
    for (auto& each : report.environments) {
        taken.push_back({std::move(each.row), each.is_new});
    }
    return taken;
}

}  // namespace

Result<int> run(Session& session, const EnvCurateArguments& arguments) {
    const auto progress = session.make_progress();
    std::string source = arguments.source;
    if (source.empty()) {
        TRY_ASSIGN(source, configured_source(session, arguments.workspace));
    }
    TRY_ASSIGN(
        const auto taken,
        is_directory(source) ? curate_directory(session, *progress, arguments.workspace, source)
                             : curate_reference(session, *progress, arguments.workspace, source)
    );
    std::string text;
    for (const CuratedEnvironment& each : taken) {
        text += each.row.reference() + '\n';
    }
    TRY(session.print(text));
    const auto fresh =
        std::count_if(taken.begin(), taken.end(), [](const auto& each) { return each.is_new; });
    session.note(fmt::format("{} of {} are new\n", fresh, taken.size()));
    return 0;
}

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
    TRY(session.print(row.reference() + '\n'));
    return 0;
}

}  // namespace kiln::client
