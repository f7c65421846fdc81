#include "store/base/log.hpp"

#include "store/base/file.hpp"
#include "store/base/json.hpp"

#include <array>

namespace kiln {
namespace {

constexpr std::array<std::string_view, 4> k_names{"error", "warning", "info", "debug"};

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
    for (std::size_t i = 0; i < k_names.size(); ++i) {
        if (k_names.at(i) == name) {
            return static_cast<LogLevel>(i);
        }
    }
    return std::nullopt;
}

void Log::error(std::string_view event, std::initializer_list<Field> fields) {
    write(LogLevel::error, event, fields);
}

void Log::warning(std::string_view event, std::initializer_list<Field> fields) {
    write(LogLevel::warning, event, fields);
}

void Log::info(std::string_view event, std::initializer_list<Field> fields) {
    write(LogLevel::info, event, fields);
}

void Log::debug(std::string_view event, std::initializer_list<Field> fields) {
    write(LogLevel::debug, event, fields);
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > level_) {
        return;
    }
    json::Object line;
    line["time"] = render_time(clock_.now());
    line["level"] = k_names.at(static_cast<std::size_t>(level));
    line["event"] = event;
    for (const auto& [key, text] : fields) {
        line[key] = text;
    }
    const std::string text = json::render(line) + "\n";
    const std::lock_guard lock(mutex_);
    // A log that can't be written has nowhere to say so.
    static_cast<void>(write_all(fd_, as_bytes(text)));
}

}  // namespace kiln
