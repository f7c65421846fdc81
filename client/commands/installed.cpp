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

void note_no_environment(Session& session, const std::string& image) {
    session.note(fmt::format("{} has no conda environment\n", image));
}

std::string count_of(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// "/opt/env: 38 packages, 9,120 paths: all as recorded"
std::string summary_of(const wire::EnvironmentVerification& verification) {
    std::string text = fmt::format(
        "{}: {}, {}: {}",
        shown(verification.prefix),
        count_of(verification.packages, "package"),
        count_of(verification.paths, "path"),
        verification.problems.empty() ? "all as recorded"
                                      : count_of(verification.problems.size(), "problem")
    );
    if (verification.unchecked > 0) {
        text += fmt::format(", {} without a recorded digest", verification.unchecked);
    }
    if (!verification.extra.empty()) {
        text += fmt::format(", {} of no package", count_of(verification.extra.size(), "file"));
    }
    return text + '\n';
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
        note_no_environment(session, arguments.image);
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

/// An image with something wrong in it ends the program as a corrupt store does.
Result<int> run(Session& session, const CondaVerifyArguments& arguments) {
    TRY_ASSIGN(const json::Value value, get(session, arguments.image, "/verification"));
    TRY_ASSIGN(const auto environments, wire::parse_verification(value));
    std::string text;
    bool sound = true;
    for (const wire::EnvironmentVerification& environment : environments) {
        Table table({{"PROBLEM"}, {"PACKAGE"}, {"PATH"}, {"BY"}});
        for (const wire::PathProblem& problem : environment.problems) {
            table.add(
                {shown(problem.fault),
                 shown(problem.package),
                 shown(problem.path),
                 truncate(shown(problem.step), 80, Unicode::no)}
            );
        }
        text += environment.problems.empty() ? "" : table.render();
        text += summary_of(environment);
        sound &= environment.problems.empty();
    }
    if (arguments.format == ListFormat::json) {
        text = json::render_pretty(value);
    } else if (environments.empty()) {
        note_no_environment(session, arguments.image);
    }
    TRY(session.print(text));
    return sound ? 0 : facts(Code::corrupt).exit_code;
}

}  // namespace kiln::client
