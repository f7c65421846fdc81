#include "client/commands/commands.hpp"
#include "client/environments/place.hpp"
#include "client/http/endpoint.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/environment.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

/// What is written into it is printed.
class Printed final : public ByteSink {
  public:
    explicit Printed(Session& session)
        : session_(session) {}

    Result<void> write(ByteSpan bytes) override { return session_.print(as_text(bytes)); }

  private:
    Session& session_;
};

/// The rows of {"KEY": [row…]} through `take`, as they come.
Result<void> each_row(
    Session& session,
    const std::string& target,
    const std::string& key,
    const json::RowReader::Take& take
) {
    TRY_ASSIGN(Connection * connection, session.connection());
    return connection->get_rows(target, key, take);
}

/// The answer as it is, indented.
Result<int> print_json(Session& session, const std::string& target) {
    TRY_ASSIGN(Connection * connection, session.connection());
    TRY(connection->send(Request{.method = "GET", .target = target}));
    Printed out(session);
    json::Indenter indenter(out);
    TRY(copy_all(connection->body(), indenter));
    return 0;
}

std::string in_workspace(const std::string& workspace) {
    return "?workspace=" + encode_component(workspace);
}

std::string_view cell_of(std::string_view text) {
    return text.empty() ? "-" : text;
}

std::string cell_of(const std::optional<Digest>& digest) {
    return digest ? short_digest(digest->render()) : "-";
}

void add_row(Table& table, const wire::EnvironmentRow& row, std::string_view last) {
    table.add(
        {cell_of(row.name),
         row.archived ? row.version + " (archived)" : row.version,
         short_digest(row.hash.render()),
         cell_of(row.image),
         cell_of(row.created),
         std::to_string(row.author),
         cell_of(last)}
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
        text += text.empty() ? "" : "; ";
        append_clean_line(text, each.sentence);
    }
    return text;
}

struct HistoryQuestion {
    std::string name;
    std::string workspace;
    bool with_archived = true;
};

Result<int> print_history(Session& session, const HistoryQuestion& question, ListFormat format) {
    const std::string target = "/v1/environments/" + encode_component(question.name)
                               + in_workspace(question.workspace)
                               + (question.with_archived ? "" : "&archived=false");
    if (format == ListFormat::json) {
        return print_json(session, target);
    }
    Table table = table_with("CHANGES");
    TRY(each_row(session, target, "versions", [&](const json::Value& value) -> Result<void> {
        TRY_ASSIGN(const auto row, wire::parse_environment_history_row(value));
        add_row(table, row.version, told(row.changes));
        return {};
    }));
    TRY(session.print(table.render()));
    return 0;
}

}  // namespace

Result<int> run(Session& session, const EnvListArguments& arguments) {
    if (!arguments.name.empty()) {
        return print_history(
            session,
            {arguments.name, arguments.workspace, arguments.include_archived},
            arguments.format
        );
    }
    std::string target = "/v1/environments" + in_workspace(arguments.workspace);
    target += arguments.include_archived ? "&archived=true" : "";
    if (arguments.format == ListFormat::json) {
        return print_json(session, target);
    }
    Table table = table_with("DESCRIPTION");
    TRY(each_row(session, target, "environments", [&](const json::Value& value) -> Result<void> {
        TRY_ASSIGN(const auto row, wire::parse_environment_row(value));
        add_row(table, row, truncate(clean_line(row.description), 60, Unicode::no));
        return {};
    }));
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const EnvHistoryArguments& arguments) {
    return print_history(session, {arguments.name, arguments.workspace}, arguments.format);
}

Result<int> run(Session& session, const EnvShowArguments& arguments) {
    const EnvironmentPlace place = EnvironmentPlace::parse(arguments.environment).or_latest();
    const std::string target = place.target(arguments.workspace);
    TRY_ASSIGN(const json::Value value, session.get(target));
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
    add_row(table, row, row.description);
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
    TRY_ASSIGN(const json::Value value, session.get(target));
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
        session.get("/v1/environment-images/" + encode_component(arguments.image))
    );
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto rows, wire::parse_environments(value));
    Table table = table_with("DESCRIPTION");
    for (const wire::EnvironmentRow& row : rows) {
        add_row(table, row, row.description);
    }
    TRY(session.print(table.render()));
    return 0;
}

}  // namespace kiln::client
