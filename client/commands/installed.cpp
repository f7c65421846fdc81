#include "client/wire/installed.hpp"

#include "client/commands/commands.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

namespace kiln::client {
namespace {

std::string below_image(const std::string& image, std::string_view part) {
    return fmt::format("/v1/images/{}{}", encode_component(image), part);
}

void note_no_environment(Session& session, const std::string& image) {
    session.note(fmt::format("{} has no conda environment\n", image));
}

/// "/opt/env: 38 packages, 9,120 paths: all as recorded"
std::string summary_of(const wire::EnvironmentVerification& verification) {
    std::string text = fmt::format(
        "{}: {}, {}: {}",
        or_dash(verification.prefix),
        render_count(verification.packages, "package"),
        render_count(verification.paths, "path"),
        verification.problems.empty() ? "all as recorded"
                                      : render_count(verification.problems.size(), "problem")
    );
    if (verification.unchecked > 0) {
        text += fmt::format(", {} without a recorded digest", verification.unchecked);
    }
    if (!verification.extra.empty()) {
        text += fmt::format(", {} of no package", render_count(verification.extra.size(), "file"));
    }
    return text + '\n';
}

}  // namespace

Result<int> run(Session& session, const CondaListArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(below_image(arguments.image, "/packages")));
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
                {or_dash(package.name),
                 or_dash(package.version),
                 or_dash(package.build),
                 or_dash(package.channel)}
            );
        }
        text += fmt::format(
            "{}# {}: {}\n{}",
            text.empty() ? "" : "\n",
            or_dash(environment.prefix),
            render_count(environment.packages.size(), "package"),
            table.render()
        );
    }
    TRY(session.print(text));
    return 0;
}

/// An image with something wrong in it ends the program as a corrupt store does.
Result<int> run(Session& session, const CondaVerifyArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get(below_image(arguments.image, "/verification")));
    TRY_ASSIGN(const auto environments, wire::parse_verification(value));
    std::string text;
    bool sound = true;
    for (const wire::EnvironmentVerification& environment : environments) {
        Table table({{"PROBLEM"}, {"PACKAGE"}, {"PATH"}, {"BY"}});
        for (const wire::PathProblem& problem : environment.problems) {
            table.add(
                {or_dash(problem.fault),
                 or_dash(problem.package),
                 or_dash(problem.path),
                 truncate(or_dash(problem.step), 80, Unicode::no)}
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
