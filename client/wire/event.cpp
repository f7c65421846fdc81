#include "client/wire/event.hpp"

#include "client/wire/problem.hpp"
#include "client/wire/read.hpp"
#include "store/base/base64.hpp"

#include <array>

namespace kiln::client::wire {
namespace {

using json::ObjectReader;
using json::UnknownFields;
using json::Value;

/// The enum value whose name stands at that place of `names`.
template<class Enum, std::size_t N>
Enum read_enum(
    ObjectReader& in, std::string_view key, const std::array<std::string_view, N>& names
) {
    const std::string text = in.text(key);
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == text) {
            return static_cast<Enum>(i);
        }
    }
    in.refuse(Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} has the unknown {} \"{}\"", in.what(), key, text)});
    return Enum{};
}

Result<StepEvent> parse_step(const Value& value) {
    ObjectReader in(value, "the step");
    StepEvent step;
    step.id = in.number("id");
    step.name = in.text("name");
    step.stage = in.text_or("stage", "");
    step.line = static_cast<std::uint32_t>(in.number_or("line", 0));
    step.status = read_enum<StepStatus, 6>(
        in, "status", {"waiting", "running", "cached", "done", "failed", "cancelled"}
    );
    step.duration_ms = read_optional_number(in, "duration_ms");
    step.diff_id = read_optional_digest(in, "diff_id");
    step.size_bytes = read_optional_number(in, "size_bytes");
    step.reason = in.optional_text("reason");
    TRY(in.finish(UnknownFields::ignore));
    return step;
}

Result<ProgressEvent> parse_progress(const Value& value) {
    ObjectReader in(value, "the progress");
    ProgressEvent progress;
    progress.step = read_optional_number(in, "step");
    progress.what = in.text("what");
    progress.name = in.text_or("name", "");
    progress.current_bytes = in.number("current");
    progress.total_bytes = read_optional_number(in, "total");
    TRY(in.finish(UnknownFields::ignore));
    return progress;
}

Result<LogEvent> parse_log(const Value& value) {
    ObjectReader in(value, "the log");
    LogEvent log;
    log.step = read_optional_number(in, "step");
    log.stream = read_enum<Stream, 2>(in, "stream", {"stdout", "stderr"});
    log.bytes = in.text_or("text", "");
    const auto base64 = in.optional_text("base64");
    TRY(in.finish(UnknownFields::ignore));
    if (base64) {
        TRY_ASSIGN(const Bytes bytes, parse_base64(*base64));
        log.bytes = as_text(bytes);
    }
    return log;
}

Result<WarningEvent> parse_warning(const Value& value) {
    ObjectReader in(value, "the warning");
    WarningEvent warning;
    warning.message = in.text("message");
    warning.where = read_optional_span(in, "where");
    warning.hint = in.text_or("hint", "");
    TRY(in.finish(UnknownFields::ignore));
    return warning;
}

Result<ResultEvent> parse_result(const Value& value) {
    ObjectReader in(value, "the result");
    ResultEvent result;
    result.status = read_enum<ResultStatus, 3>(in, "status", {"done", "failed", "cancelled"});
    result.image = read_optional_digest(in, "image");
    result.config = read_optional_digest(in, "config");
    result.tags = in.texts_or_empty("tags");
    if (const auto code = in.optional_integer("exit_code")) {
        result.exit_code = static_cast<int>(*code);
    }
    result.cached_steps = in.number_or("cached_steps", 0);
    result.lock = in.optional_text("lock");
    if (const json::Value* report = in.find("report")) {
        result.report = *report;
    }
    if (const Value* problem = in.find("error")) {
        TRY_ASSIGN(result.error, parse_problem(*problem));
    }
    TRY(in.finish(UnknownFields::ignore));
    return result;
}

}  // namespace

Result<Event> parse_event(std::string_view line) {
    TRY_ASSIGN(const Value value, json::parse(line, "an event"));
    ObjectReader in(value, "the event");
    Event event;
    event.seq = in.number("seq");
    const std::string type = in.text("type");
    const Value nothing = nullptr;
    const auto body = [&]() -> const Value& {
        const Value* found = in.find(type);
        return found == nullptr ? nothing : *found;
    };
    if (type == "step") {
        TRY_ASSIGN(event.body, parse_step(body()));
    } else if (type == "progress") {
        TRY_ASSIGN(event.body, parse_progress(body()));
    } else if (type == "log") {
        TRY_ASSIGN(event.body, parse_log(body()));
    } else if (type == "warning") {
        TRY_ASSIGN(event.body, parse_warning(body()));
    } else if (type == "result") {
        TRY_ASSIGN(event.body, parse_result(body()));
    }
    TRY(in.finish(UnknownFields::ignore));
    return event;
}

}  // namespace kiln::client::wire
