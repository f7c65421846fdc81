#include "daemon/build/event.hpp"

#include "daemon/api/problem.hpp"
#include "store/base/base64.hpp"

#include <algorithm>
#include <array>

namespace kiln::daemon {
namespace {

template<class T>
json::Value or_null(const std::optional<T>& value) {
    return value ? json::Value(*value) : json::Value(nullptr);
}

json::Value or_null(const std::optional<Digest>& digest) {
    return digest ? json::Value(digest->render()) : json::Value(nullptr);
}

constexpr std::array<std::string_view, 5> k_types{"step", "progress", "log", "warning", "result"};

}  // namespace

std::string_view name_of(StepStatus status) {
    constexpr std::array<std::string_view, 6> k_names{
        "waiting", "running", "cached", "done", "failed", "cancelled"};
    return k_names.at(static_cast<std::size_t>(status));
}

std::string_view name_of(JobStatus status) {
    constexpr std::array<std::string_view, 5> k_names{
        "queued", "running", "done", "failed", "cancelled"};
    return k_names.at(static_cast<std::size_t>(status));
}

void EventLog::add(const StepEvent& event) {
    append(
        "step",
        json::Object{
            {"id", event.id},
            {"name", event.name},
            {"stage", event.stage},
            {"line", event.line},
            {"status", name_of(event.status)},
            {"duration_ms", or_null(event.duration_ms)},
            {"diff_id", or_null(event.diff_id)},
            {"size_bytes", or_null(event.size_bytes)},
            {"reason", or_null(event.reason)},
        },
        false
    );
}

void EventLog::add(const ProgressEvent& event) {
    append(
        "progress",
        json::Object{
            {"step", or_null(event.step)},
            {"what", event.what},
            {"name", event.name},
            {"current", event.current},
            {"total", or_null(event.total)},
        },
        false
    );
}

void EventLog::add(const LogEvent& event) {
    const bool text = is_utf8(event.bytes);
    append(
        "log",
        json::Object{
            {"step", or_null(event.step)},
            {"stream", event.is_stderr ? "stderr" : "stdout"},
            {"text", text ? json::Value(event.bytes) : json::Value(nullptr)},
            {"base64",
             text ? json::Value(nullptr) : json::Value(render_base64(as_bytes(event.bytes)))},
        },
        true
    );
}

void EventLog::add(const WarningEvent& event) {
    append(
        "warning",
        json::Object{
            {"message", event.message},
            {"where", render_span(event.where)},
            {"hint", event.hint.empty() ? json::Value(nullptr) : json::Value(event.hint)},
        },
        false
    );
}

void EventLog::add(const ResultEvent& event) {
    append(
        "result",
        json::Object{
            {"status", name_of(event.status)},
            {"image", or_null(event.image)},
            {"config", or_null(event.config)},
            {"tags", json::from_texts(event.tags)},
            {"exit_code", or_null(event.exit_code)},
            {"cached_steps", event.cached_steps},
            {"lock", or_null(event.lock)},
            {"report", or_null(event.report)},
            {"error", event.error ? render_problem(*event.error) : json::Value(nullptr)},
        },
        false
    );
}

void EventLog::append(std::string_view type, json::Value value, bool is_log) {
    json::Object record{{"seq", ++last_}, {"time", render_time(clock_.now())}, {"type", type}};
    for (const std::string_view each : k_types) {
        record.emplace(each, each == type ? std::move(value) : json::Value(nullptr));
    }
    lines_.push_back(Line{last_, json::render(record) + "\n", is_log});
    if (is_log) {
        log_bytes_ += lines_.back().text.size();
        drop_old_logs();
    }
}

void EventLog::drop_old_logs() {
    if (log_bytes_ <= k_kept_log_bytes) {
        return;
    }
    // Half at once, so that the cost of the sweep is spread over many lines.
    std::erase_if(lines_, [&](const Line& line) {
        if (!line.is_log || log_bytes_ <= k_kept_log_bytes / 2) {
            return false;
        }
        log_bytes_ -= line.text.size();
        return true;
    });
}

const EventLog::Line* EventLog::after(std::uint64_t sequence) const {
    const auto found = std::upper_bound(
        lines_.begin(),
        lines_.end(),
        sequence,
        [](std::uint64_t wanted, const Line& line) { return wanted < line.sequence; }
    );
    return found == lines_.end() ? nullptr : &*found;
}

bool is_utf8(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        const std::size_t length = lead < 0x80   ? 1
                                   : lead < 0xc2 ? 0
                                   : lead < 0xe0 ? 2
                                   : lead < 0xf0 ? 3
                                   : lead < 0xf5 ? 4
                                                 : 0;
        if (length == 0 || i + length > bytes.size()) {
            return false;
        }
        for (std::size_t j = 1; j < length; ++j) {
            if ((static_cast<unsigned char>(bytes[i + j]) & 0xc0U) != 0x80U) {
                return false;
            }
        }
        const auto second = length > 1 ? static_cast<unsigned char>(bytes[i + 1]) : 0x80U;
        // Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629).
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)
            || (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
            return false;
        }
        i += length;
    }
    return true;
}

}  // namespace kiln::daemon
