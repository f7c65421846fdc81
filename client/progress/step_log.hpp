#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// What a step printed, cut into lines; the last ones are kept.
class StepLog {
  public:
    /// `kept_lines` bounds the memory; the rest is in the daemon.
    explicit StepLog(std::size_t kept_lines)
        : kept_lines_(kept_lines) {}

    /// The lines that these bytes complete, cleaned for the terminal.
    std::vector<std::string> add(std::string_view bytes);
    /// The line that never got its end; empty when there is none.
    std::string take_rest();

    /// The newest `count` lines, the unfinished one among them, oldest first.
    [[nodiscard]] std::vector<std::string> tail(std::size_t count) const;

    [[nodiscard]] std::size_t dropped_lines() const { return dropped_lines_; }

  private:
    void keep(std::string line);

    std::size_t kept_lines_;
    std::deque<std::string> lines_;
    std::string rest_;
    std::size_t dropped_lines_ = 0;
};

}  // namespace kiln::client
