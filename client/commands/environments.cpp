#include "client/archive/file_output.hpp"
#include "client/commands/commands.hpp"
#include "client/environments/creation.hpp"
#include "client/environments/place.hpp"
#include "client/http/endpoint.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

Result<json::Value> call(
    Session& session, std::string_view method, const std::string& target, const json::Value& body
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    return connection->call(method, target, body);
}

Result<int> set_archived(
    Session& session, const std::string& reference, const std::string& workspace, bool archived
) {
    const json::Object edit{
        {"description", nullptr},
        {"tags", json::Object()},
        {"properties", json::Object()},
        {"archived", archived}};
    TRY(call(session, "PATCH", EnvironmentPlace::parse(reference).target(workspace), edit));
    return 0;
}

Result<json::Value> pairs_of(const std::vector<std::string>& words, std::string_view option) {
    json::Object pairs;
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return fail(Code::invalid_input, "{} {} is not KEY=VALUE", option, word);
        }
        pairs[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return json::Value(std::move(pairs));
}

}  // namespace

Result<int> run(Session& session, const EnvCreateArguments& arguments) {
    const auto progress = session.make_progress();
    TRY_ASSIGN(
        const CreatedEnvironment created,
        create_environment(
            session, *progress, {arguments.file, arguments.workspace, arguments.anonymous}
        )
    );
    const std::string reference = created.row.reference();
    if (!created.is_new) {
        session.note(fmt::format("{} has this definition already\n", reference));
    }
    TRY(session.print(reference + '\n'));
    if (arguments.build) {
        TRY_ASSIGN(
            const Digest image,
            build_environment(session, *progress, {arguments.workspace, reference})
        );
        TRY(session.print(image.render() + '\n'));
    }
    return 0;
}

Result<int> run(Session& session, const EnvBuildArguments& arguments) {
    const auto progress = session.make_progress();
    EnvironmentWish wish{
        arguments.workspace,
        arguments.environment,
        arguments.rebuild,
        arguments.push,
        arguments.pull};
    if (!arguments.file.empty()) {
        EnvironmentSource source{arguments.file, arguments.workspace};
        source.needs_no_name = true;
        TRY_ASSIGN(
            const CreatedEnvironment created, create_environment(session, *progress, source)
        );
        wish.environment = created.row.reference();
    } else if (wish.environment.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "which environment?",
            .hint = "kiln env build NAME[:VERSION], or -f FILE"});
    }
    TRY_ASSIGN(const Digest image, build_environment(session, *progress, wish));
    TRY(session.print(image.render() + '\n'));
    return 0;
}

Result<int> run(Session& session, const EnvCopyArguments& arguments) {
    const EnvironmentPlace from = EnvironmentPlace::parse(arguments.from).or_latest();
    const std::string target = from.target(arguments.workspace, "/copies");
    TRY_ASSIGN(
        const json::Value value, call(session, "POST", target, json::Object{{"to", arguments.to}})
    );
    TRY_ASSIGN(const auto row, wire::parse_environment_row(value));
    TRY(session.print(row.reference() + '\n'));
    return 0;
}

Result<int> run(Session& session, const EnvArchiveArguments& arguments) {
    return set_archived(session, arguments.environment, arguments.workspace, true);
}

Result<int> run(Session& session, const EnvRestoreArguments& arguments) {
    return set_archived(session, arguments.environment, arguments.workspace, false);
}

Result<int> run(Session& session, const EnvSetArguments& arguments) {
    TRY_ASSIGN(json::Value tags, pairs_of(arguments.tags, "--tag"));
    TRY_ASSIGN(json::Value properties, pairs_of(arguments.properties, "--property"));
    const json::Object edit{
        {"description",
         arguments.description.empty() ? json::Value(nullptr)
                                       : json::Value(arguments.description.back())},
        {"tags", std::move(tags)},
        {"properties", std::move(properties)},
        {"archived", nullptr}};
    const EnvironmentPlace place = EnvironmentPlace::parse(arguments.environment).or_latest();
    TRY(call(session, "PATCH", place.target(arguments.workspace), edit));
    return 0;
}

Result<int> run(Session& session, const EnvExportArguments& arguments) {
    const EnvironmentPlace place = EnvironmentPlace::parse(arguments.environment).or_latest();
    const std::string below = "/exports/" + encode_component(arguments.format);
    TRY_ASSIGN(
        const json::Value value,
        call(session, "GET", place.target(arguments.workspace, below), nullptr)
    );
    json::ObjectReader in(value, "the export");
    const std::string text = in.text("text");
    TRY(in.finish(json::UnknownFields::ignore));
    if (arguments.output == "-") {
        TRY(session.print(text));
    } else {
        TRY(write_file(arguments.output, text, session.streams().out));
    }
    return 0;
}

}  // namespace kiln::client
