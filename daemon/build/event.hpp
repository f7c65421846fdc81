#pragma once

#include "store/base/clock.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

enum class StepStatus : std::uint8_t { waiting, running, cached, done, failed, cancelled };
enum class JobStatus : std::uint8_t { queued, running, done, failed, cancelled };

std::string_view name_of(StepStatus status);
std::string_view name_of(JobStatus status);

struct StepEvent {
    std::size_t id = 0;
    std::string name;
    std::string stage;
    std::uint32_t line = 0;
    StepStatus status = StepStatus::waiting;
    std::optional<std::uint64_t> duration_ms = std::nullopt;
    std::optional<Digest> diff_id = std::nullopt;
    std::optional<std::uint64_t> size_bytes = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
};

struct ProgressEvent {
    std::optional<std::size_t> step;
    std::string what;
    std::string name;
    std::uint64_t current = 0;  // bytes
    std::optional<std::uint64_t> total = std::nullopt;
};

struct LogEvent {
    std::optional<std::size_t> step;
    bool is_stderr = false;
    std::string bytes;
};

struct WarningEvent {
    std::string message;
    std::optional<Span> where = std::nullopt;
    std::string hint = {};
};

struct ResultEvent {
    JobStatus status = JobStatus::done;
    std::optional<Digest> image = std::nullopt;
    std::optional<Digest> config = std::nullopt;
    std::vector<std::string> tags = {};
    std::optional<int> exit_code = std::nullopt;
    std::size_t cached_steps = 0;
    std::optional<std::string> lock = std::nullopt;    // the text that a locking gave
    std::optional<json::Value> report = std::nullopt;  // what became of each of many
    std::optional<Error> error = std::nullopt;
};

/// The events of one job as the lines that travel: NDJSON, numbered from 1, kept for replay. Logs
/// beyond `k_kept_log_bytes` are dropped from the front, so that a chatty RUN cannot fill the
/// daemon. Thread   the loop.
class EventLog {
  public:
    static constexpr std::size_t k_kept_log_bytes = 8U << 20U;

    explicit EventLog(const Clock& clock)
        : clock_(clock) {}

    void add(const StepEvent& event);
    void add(const ProgressEvent& event);
    void add(const LogEvent& event);
    void add(const WarningEvent& event);
    void add(const ResultEvent& event);

    /// The first line after `sequence` and its number; nullptr when there is none yet.
    struct Line {
        std::uint64_t sequence = 0;
        std::string text;  // with '\n'
        bool is_log = false;
    };

    [[nodiscard]] const Line* after(std::uint64_t sequence) const;

  private:
    void append(std::string_view type, json::Value value, bool is_log);
    void drop_old_logs();

    const Clock& clock_;
    std::deque<Line> lines_;
    std::uint64_t last_ = 0;
    std::size_t log_bytes_ = 0;
};

bool is_utf8(std::string_view bytes);

}  // namespace kiln::daemon
