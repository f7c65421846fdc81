#include "daemon/api/problem.hpp"

namespace kiln::daemon {
namespace {

std::string_view retry_name(Retry retry) {
    switch (retry) {
        case Retry::no:
            return "no";
        case Retry::once:
            return "once";
        case Retry::yes:
            return "yes";
    }
    return "no";
}

}  // namespace

Error as_sent(Error error) {
    error.code = error.code == Code::corrupt ? Code::invalid_input : error.code;
    return error;
}

json::Value render_span(const std::optional<Span>& span) {
    if (!span) {
        return nullptr;
    }
    return json::Object{
        {"file", span->file},
        {"line", span->line},
        {"column", span->column},
        {"end_column", span->end_column},
    };
}

json::Value render_problem(const Error& error) {
    const CodeFacts& row = facts(error.code);
    return json::Object{
        {"type", fmt::format("urn:kiln:problem:{}", row.name)},
        {"title", row.name},
        {"status", row.http_status},
        {"code", row.name},
        {"detail", error.message},
        {"trail", json::from_texts(error.trail)},
        {"where", render_span(error.where)},
        {"hint", error.hint.empty() ? json::Value(nullptr) : json::Value(error.hint)},
        {"retry", retry_name(row.retry)},
    };
}

}  // namespace kiln::daemon
