#include "client/commands/commands.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "client/wire/image.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

std::string image_target(const std::string& name, std::string_view below = "") {
    return "/v1/images/" + encode_component(name) + std::string(below);
}

/// "2026-01-31 12:00:09", as a table shows it.
std::string shown_time(std::string_view time) {
    std::string shown(time.substr(0, 19));
    std::replace(shown.begin(), shown.end(), 'T', ' ');
    return shown;
}

}  // namespace

Result<int> run(Session& session, const ImagesArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get("/v1/images"));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto images, wire::parse_images(value));
    if (session.options().quiet) {
        for (const wire::ImageSummary& image : images) {
            TRY(session.print(image.digest.render() + '\n'));
        }
        return 0;
    }
    Table table(
        {{"NAME"},
         {"DIGEST"},
         {"PLATFORM"},
         {"LAYERS", Align::right},
         {"SIZE", Align::right},
         {"UPDATED"}}
    );
    for (const wire::ImageSummary& image : images) {
        table.add(
            {image.name.empty() ? "-" : image.name,
             short_digest(image.digest.render()),
             image.platform,
             fmt::format("{}", image.layers),
             render_size(image.size_bytes),
             shown_time(image.updated)}
        );
    }
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const InspectArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(image_target(arguments.image)));
    TRY(session.print(json::render_pretty(value)));
    return 0;
}

Result<int> run(Session& session, const HistoryArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(image_target(arguments.image, "/history")));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto history, wire::parse_history(value));
    Table table({{"CREATED"}, {"SIZE", Align::right}, {"CREATED BY"}});
    for (const wire::HistoryEntry& entry : history) {
        table.add(
            {shown_time(entry.created),
             entry.diff_id ? render_size(entry.size_bytes) : "-",
             truncate(entry.created_by, 100, Unicode::no)}
        );
    }
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const LayersArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(image_target(arguments.image, "/layers")));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto layers, wire::parse_layers(value));
    Table table(
        {{"#", Align::right},
         {"DIFF ID"},
         {"SIZE", Align::right},
         {"UNPACKED", Align::right},
         {"ENTRIES", Align::right},
         {"SHARED", Align::right},
         {"ORIGIN"}}
    );
    std::size_t number = 0;
    for (const wire::LayerFacts& layer : layers) {
        table.add(
            {fmt::format("{}", ++number),
             short_digest(layer.diff_id.render()),
             render_size(layer.size_bytes),
             render_size(layer.tar_bytes),
             layer.entries ? fmt::format("{}", *layer.entries) : "-",
             fmt::format("{}", layer.shared_with),
             truncate(layer.origin, 80, Unicode::no)}
        );
    }
    TRY(session.print(table.render()));
    return 0;
}

Result<int> run(Session& session, const TagArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    const json::Object request{{"source", arguments.source}, {"target", arguments.target}};
    TRY_ASSIGN(const json::Value value, connection->call("POST", "/v1/images/tag", request));
    TRY_ASSIGN(const wire::NamedDigest named, wire::parse_named_digest(value));
    TRY(session.print(fmt::format("{} {}\n", named.name, named.digest.render())));
    return 0;
}

Result<int> run(Session& session, const RebaseArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    const json::Object request{
        {"source", arguments.image},
        {"onto", arguments.onto},
        {"from", arguments.from.empty() ? json::Value(nullptr) : json::Value(arguments.from)},
        {"tags", json::from_texts(arguments.tags)}};
    TRY_ASSIGN(const json::Value value, connection->call("POST", "/v1/images/rebase", request));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const wire::Rebased rebased, wire::parse_rebased(value));
    session.note(fmt::format(
        "{} layers kept; {} of {} exchanged for {} of {}\n",
        rebased.layers_kept,
        rebased.layers_before,
        short_digest(rebased.base_before.render()),
        rebased.layers_after,
        short_digest(rebased.base_after.render())
    ));
    TRY(session.print(rebased.digest.render() + '\n'));
    return 0;
}

Result<int> run(Session& session, const RmiArguments& arguments) {
    TRY_ASSIGN(Connection * connection, session.connection());
    for (const std::string& image : arguments.images) {
        TRY_ASSIGN(const json::Value value, connection->call("DELETE", image_target(image)));
        TRY_ASSIGN(const wire::NamedDigest named, wire::parse_named_digest(value));
        TRY(session.print(fmt::format("{} {}\n", named.name, named.digest.render())));
    }
    return 0;
}

}  // namespace kiln::client
