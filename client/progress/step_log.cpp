#include "client/progress/step_log.hpp"

#include "client/render/text.hpp"

#include <algorithm>

namespace kiln::client {
namespace {

/// A line without an end is cut here, so that a step that prints none costs no memory.
constexpr std::size_t k_shown_line_bytes = 16UL * 1024;

}  // namespace

std::vector<std::string> StepLog::add(std::string_view bytes) {
    std::vector<std::string> completed;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::size_t size = std::min(
            end == std::string_view::npos ? bytes.size() : end, k_shown_line_bytes - rest_.size()
        );
        rest_ += bytes.substr(0, size);
        bytes.remove_prefix(size);
        const bool ended = bytes.starts_with('\n');
        if (ended) {
            bytes.remove_prefix(1);
        }
        if (ended || rest_.size() == k_shown_line_bytes) {
            completed.push_back(clean_line(rest_));
            keep(completed.back());
            rest_.clear();
        }
    }
    return completed;
}

std::string StepLog::take_rest() {
    std::string line = clean_line(rest_);
    rest_.clear();
    if (!line.empty()) {
        keep(line);
    }
    return line;
}

std::vector<std::string> StepLog::tail(std::size_t count) const {
    std::vector<std::string> newest(
        lines_.end() - static_cast<std::ptrdiff_t>(std::min(count, lines_.size())), lines_.end()
    );
    if (std::string unfinished = clean_line(rest_); !unfinished.empty()) {
        newest.push_back(std::move(unfinished));
    }
    if (newest.size() > count) {
        newest.erase(newest.begin(), newest.end() - static_cast<std::ptrdiff_t>(count));
    }
    return newest;
}

void StepLog::keep(std::string line) {
    lines_.push_back(std::move(line));
    if (lines_.size() > kept_lines_) {
        lines_.pop_front();
        ++dropped_lines_;
    }
}

}  // namespace kiln::client
