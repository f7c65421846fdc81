#include "client/wire/installed.hpp"

#include "client/commands/commands.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

Result<json::Value> get(Session& session, const std::string& image, std::string_view below) {
    TRY_ASSIGN(Connection * connection, session.connection());
    return connection->call("GET", fmt::format("/v1/images/{}{}", encode_component(image), below));
}

/// What an image says of itself is not to move a terminal's cursor.
std::string shown(std::string_view text) {
    return text.empty() ? "-" : clean_line(text);
}

std::string count_of(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

Result<int> run(Session& session, const CondaListArguments& arguments) {
    TRY_ASSIGN(const json::Value value, get(session, arguments.image, "/packages"));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const auto environments, wire::parse_installed(value));
    if (environments.empty()) {
        session.note(fmt::format("{} has no conda environment\n", arguments.image));
        return 0;
    }
    std::string text;
    for (const wire::InstalledEnvironment& environment : environments) {
        Table table({{"NAME"}, {"VERSION"}, {"BUILD"}, {"CHANNEL"}});
        for (const wire::InstalledPackage& package : environment.packages) {
            table.add(
                {shown(package.name),
                 shown(package.version),
                 shown(package.build),
                 shown(package.channel)}
            );
        }
        text += fmt::format(
            "{}# {}: {}\n{}",
            text.empty() ? "" : "\n",
            shown(environment.prefix),
            count_of(environment.packages.size(), "package"),
            table.render()
        );
    }
    TRY(session.print(text));
    return 0;
}

}  // namespace kiln::client
