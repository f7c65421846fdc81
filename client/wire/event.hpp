#pragma once

#include "store/base/error.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::client::wire {

enum class StepStatus : std::uint8_t { waiting, running, cached, done, failed, cancelled };

struct StepEvent {
    std::uint64_t id = 0;
    std::string name;  // "[stage 2/5] RUN apt-get update"
    std::string stage;
    std::uint32_t line = 0;
    StepStatus status = StepStatus::waiting;
    std::optional<std::uint64_t> duration_ms;
    std::optional<Digest> diff_id;
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::string> reason;
};

struct ProgressEvent {
    std::optional<std::uint64_t> step;
    std::string what;  // "push", "upload", "compress"…
    std::string name;
    std::uint64_t current_bytes = 0;
    std::optional<std::uint64_t> total_bytes;
};

enum class Stream : std::uint8_t { out, err };

struct LogEvent {
    std::optional<std::uint64_t> step;
    Stream stream = Stream::out;
    std::string bytes;
};

struct WarningEvent {
    std::string message;
    std::optional<Span> where;
    std::string hint;
};

enum class ResultStatus : std::uint8_t { done, failed, cancelled };

struct ResultEvent {
    ResultStatus status = ResultStatus::done;
    std::optional<Digest> image;  // of the manifest
    std::optional<Digest> config;
    std::vector<std::string> tags;
    std::optional<int> exit_code;  // of a run's command
    std::uint64_t cached_steps = 0;
    std::optional<std::string> lock;    // the text that a locking gave
    std::optional<json::Value> report;  // what became of each of many
    std::optional<Error> error;
};

/// One line of an event stream. An event of a kind that only a newer daemon knows holds nothing.
struct Event {
    std::uint64_t seq = 0;
    std::variant<std::monostate, StepEvent, ProgressEvent, LogEvent, WarningEvent, ResultEvent>
        body = {};
};

Result<Event> parse_event(std::string_view line);

}  // namespace kiln::client::wire
