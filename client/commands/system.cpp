#include "client/wire/system.hpp"

#include "client/commands/commands.hpp"
#include "client/render/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

std::string fact(std::string_view name, std::string_view value, std::string_view reason = "") {
    return reason.empty()
               ? fmt::format("{:<9}{}\n", name, clean_line(value))
               : fmt::format("{:<9}{} ({})\n", name, clean_line(value), clean_line(reason));
}

}  // namespace

Result<int> run(Session& session, const InfoArguments& arguments) {
    TRY_ASSIGN(const json::Value value, session.get("/v1/system"));
    if (arguments.format == ListFormat::json) {
        TRY(session.print(json::render_pretty(value)));
        return 0;
    }
    TRY_ASSIGN(const wire::System system, wire::parse_system(value));
    std::string text;
    text +=
        fact("kilnd", fmt::format("{} (api {}, pid {})", system.version, system.api, system.pid));
    text += fact("root", system.root);
    text += fact("started", system.started);
    text += fact("workers", fmt::format("{}", system.workers));
    text += fact(
        "RUN", fmt::format("rung {}, {}", system.rung_number, system.rung_name), system.rung_reason
    );
    text += fact("network", system.network, system.network_reason);
    std::size_t width = 0;
    for (const wire::SystemCheck& check : system.checks) {
        width = std::max(width, display_width(check.name));
    }
    text += system.checks.empty() ? "" : "checks\n";
    for (const wire::SystemCheck& check : system.checks) {
        text += fmt::format(
            "  {:<3} {:<{}}  {}\n",
            check.ok ? "yes" : "no",
            clean_line(check.name),
            width,
            clean_line(check.detail)
        );
    }
    TRY(session.print(text));
    return 0;
}

/// The client knows its own version even where no daemon answers.
Result<int> run(Session& session, const VersionArguments& arguments) {
    const auto value = session.get("/v1/system");
    std::optional<wire::System> system;
    if (value) {
        TRY_ASSIGN(system, wire::parse_system(*value));
    }
    if (arguments.format == ListFormat::json) {
        const json::Object versions{
            {"client", KILN_VERSION},
            {"daemon", system ? json::Value(system->version) : json::Value(nullptr)},
            {"api", system ? json::Value(system->api) : json::Value(nullptr)}};
        TRY(session.print(json::render_pretty(versions)));
        return 0;
    }
    TRY(session.print(fmt::format("kiln  {}\n", KILN_VERSION)));
    if (system) {
        TRY(session.print(fmt::format("kilnd {}\n", system->version)));
    } else {
        session.warn(value.error().message);
    }
    return 0;
}

}  // namespace kiln::client
