#include "client/commands/explain_text.hpp"

#include "client/render/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

/// A change of ten thousand files is told by the first few.
constexpr std::size_t k_changes_shown = 10;

std::string render_change(const wire::ExplainedChange& change) {
    const std::string what = clean_line(change.what);
    if (!change.was) {
        return what + " is new";
    }
    if (!change.is) {
        return what + " is gone";
    }
    return fmt::format(
        "{} is {}, was {}",
        what,
        short_digest(clean_line(*change.is)),
        short_digest(clean_line(*change.was))
    );
}

}  // namespace

Result<std::string> explain_text(Session& session, const std::string& build) {
    TRY_ASSIGN(
        const json::Value value,
        session.get("/v1/builds/" + encode_component(build) + "/explain")
    );
    TRY_ASSIGN(const auto steps, wire::parse_explanation(value));
    return render_explanation(steps);
}

std::string render_explanation(const std::vector<wire::ExplainedStep>& steps) {
    std::size_t width = 0;
    for (const wire::ExplainedStep& step : steps) {
        width = std::max(width, display_width(step.status));
    }
    std::string text;
    for (const wire::ExplainedStep& step : steps) {
        text += fmt::format("{:<{}}  {}\n", step.status, width, clean_line(step.name));
        const std::string indent(width + 4, ' ');
        if (step.reason) {
            text += indent + clean_line(*step.reason) + '\n';
        }
        const std::size_t shown = std::min(step.changed.size(), k_changes_shown);
        for (std::size_t i = 0; i < shown; ++i) {
            text += indent + render_change(step.changed[i]) + '\n';
        }
        if (shown < step.changed.size()) {
            text += fmt::format("{}and {} more\n", indent, step.changed.size() - shown);
        }
    }
    return text;
}

}  // namespace kiln::client
