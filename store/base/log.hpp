#pragma once

#include "store/base/clock.hpp"

#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kiln {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

std::optional<LogLevel> parse_log_level(std::string_view name);

/// One JSON line an event to a descriptor: {"time","level","event",...fields}. Handed to whoever
/// logs. Thread   any.
class Log {
  public:
    using Field = std::pair<std::string_view, std::string>;

    Log(int fd, LogLevel level, const Clock& clock)
        : fd_(fd),
          level_(level),
          clock_(clock) {}

    void error(std::string_view event, std::initializer_list<Field> fields = {});
    void warning(std::string_view event, std::initializer_list<Field> fields = {});
    void info(std::string_view event, std::initializer_list<Field> fields = {});
    void debug(std::string_view event, std::initializer_list<Field> fields = {});

  private:
    void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields);

    std::mutex mutex_;
    int fd_;
    LogLevel level_;
    const Clock& clock_;
};

}  // namespace kiln
