#include "client/commands/commands.hpp"
#include "client/environments/place.hpp"
#include "client/http/endpoint.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/environment.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

Result<json::Value> get(Session& session, const std::string& target) {
    TRY_ASSIGN(Connection * connection, session.connection());
    return connection->call("GET", target);
}

Result<json::BulkValue> get_list(Session& session, const std::string& target) {
    TRY_ASSIGN(Connection * connection, session.connection());
    return connection->get_list(target);
}

std::string in_workspace(const std::string& workspace) {
    return "?workspace=" + encode_component(workspace);
}

/// What a definition says of itself is not to move a terminal's cursor.
std::string shown(std::string_view text) {
    return text.empty() ? "-" : clean_line(text);
}

std::string shown(const std::optional<Digest>& digest) {
    return digest ? short_digest(digest->render()) : "-";
}

void add_row(Table& table, const wire::EnvironmentRow& row, const std::string& changes) {
    table.add(
        {shown(row.name),
         shown(row.version) + (row.archived ? " (archived)" : ""),
         short_digest(row.hash.render()),
         shown(row.image),
         shown(row.created),
         std::to_string(row.author),
         changes}
    );
}

Table table_with(std::string last) {
    return Table(
        {{"NAME"}, {"VERSION"}, {"HASH"}, {"IMAGE"}, {"CREATED"}, {"UID"}, {std::move(last)}}
    );
}

std::string told(const std::vector<wire::DefinitionChange>& changes) {
    std::string text;
    for (const wire::DefinitionChange& each : changes) {
        text += (text.empty() ? "" : "; ") + clean_line(each.sentence);
    }
    return text.empty() ? "-" : text;
}

Result<int> print_history(
    Session& session, const std::string& name, const std::string& workspace, ListFormat format
) {
    TRY_ASSIGN(
        const json::BulkValue history,
        get_list(session, "/v1/environments/" + encode_component(name) + in_workspace(workspace))
    );
    if (format == ListFormat::json) {
        TRY(session.print(json::render_pretty(history.value)));
        return 0;
    }
    TRY_ASSIGN(const auto versions, wire::parse_environment_history(history.value));
    Table table = table_with("CHANGES");
    for (const wire::EnvironmentHistoryRow& each : versions) {
        add_row(table, each.version, told(each.changes));
    }
    TRY(session.print(table.render()));
    return 0;
}

}  // namespace

Result<int> run(Session& session, const EnvListArguments& arguments) {
    if (!arguments.name.empty()) {
        return print_history(session, arguments.name, arguments.workspace, arguments.format);
    }
    std::string target = "/v1/environments" + in_workspace(arguments.workspace);
    target += arguments.include_archived ? "&archived=true" : "";
    TRY_ASSIGN(const json::BulkValue list, get_list(session, target));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(list.value)));
        return 0;
    }
    TRY_ASSIGN(const auto rows, wire::parse_environments(list.value));
    Table table = table_with("DESCRIPTION");
    for (const wire::EnvironmentRow& row : rows) {
        add_row(table, row, truncate(shown(row.description), 60, Unicode::no));
    }
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const EnvHistoryArguments& arguments) {
    return print_history(session, arguments.name, arguments.workspace, arguments.format);
}

Result<int> run(Session& session, const EnvShowArguments& arguments) {
    const EnvironmentPlace place = EnvironmentPlace::parse(arguments.environment).or_latest();
    const std::string target = place.target(arguments.workspace);
    TRY_ASSIGN(const json::Value value, get(session, target));
    if (arguments.canonical) {
        json::ObjectReader in(value, "the environment");
        const std::string canonical = in.text("canonical");
        TRY(in.finish(json::UnknownFields::ignore));
        TRY(session.print(canonical + '\n'));
        return 0;
    }
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto row, wire::parse_environment_row(value));
    Table table = table_with("DESCRIPTION");
    add_row(table, row, shown(row.description));
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const EnvDiffArguments& arguments) {
    const std::string target = fmt::format(
        "/v1/environment-differences{}&before={}&after={}",
        in_workspace(arguments.workspace),
        encode_component(arguments.before),
        encode_component(arguments.after)
    );
    TRY_ASSIGN(const json::Value value, get(session, target));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto differences, wire::parse_environment_differences(value));
    if (differences.empty()) {
        session.note("the same definition\n");
    }
    std::string text;
    for (const wire::DefinitionChange& each : differences) {
        text += clean_line(each.sentence) + '\n';
    }
    TRY(session.print(text));
    return 0;
}

Result<int> run(Session& session, const EnvWhichArguments& arguments) {
    TRY_ASSIGN(
        const json::Value value,
        get(session, "/v1/environment-images/" + encode_component(arguments.image))
    );
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto rows, wire::parse_environments(value));
    Table table = table_with("DESCRIPTION");
    for (const wire::EnvironmentRow& row : rows) {
        add_row(table, row, shown(row.description));
    }
    TRY(session.print(table.render()));
    return 0;
}

}  // namespace kiln::client
