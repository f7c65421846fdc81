#include "client/progress/tty_progress.hpp"

#include "client/render/text.hpp"
#include "store/base/bytes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

constexpr std::uint64_t k_frame_interval_ms = 50;   // news
constexpr std::uint64_t k_clock_interval_ms = 100;  // only the time runs
constexpr std::size_t k_log_rows = 6;
constexpr std::size_t k_log_lines_kept = 200;
constexpr std::string_view k_clear_to_end_of_line = "\x1b[K";
constexpr std::string_view k_clear_below = "\x1b[J";
constexpr std::string_view k_green = "32";
constexpr std::string_view k_red = "31";
constexpr std::string_view k_cyan = "36";
constexpr std::string_view k_dim = "2";

std::string facts_of(const wire::StepEvent& step) {
    if (step.status == wire::StepStatus::cached) {
        return "cached";
    }
    std::string facts;
    if (step.size_bytes && *step.size_bytes > 0) {
        facts = render_size(*step.size_bytes);
    }
    if (step.duration_ms) {
        facts +=
            fmt::format("{}{:>6}", facts.empty() ? "" : " ", render_duration(*step.duration_ms));
    }
    return facts;
}

std::string facts_of(const wire::ProgressEvent& transfer) {
    std::string facts = render_size(transfer.current_bytes);
    if (transfer.total_bytes) {
        facts += " of " + render_size(*transfer.total_bytes);
    }
    return facts;
}

std::string name_of(const wire::ProgressEvent& transfer) {
    std::string name = transfer.what;
    if (!transfer.name.empty()) {
        name += ' ' + short_digest(transfer.name);
    }
    return clean_line(name);
}

}  // namespace

std::string TtyProgress::take(
    const wire::Event& event, std::string_view /*line*/, const Moment& moment
) {
    began_ms_ = began_ms_.value_or(moment.now_ms);
    changed_ = true;
    if (const auto* step = std::get_if<wire::StepEvent>(&event.body)) {
        take_step(*step, moment);
    } else if (const auto* log = std::get_if<wire::LogEvent>(&event.body)) {
        if (const auto found = running_.find(log->step.value_or(0)); found != running_.end()) {
            found->second.log.add(log->bytes);
        }
    } else if (const auto* transfer = std::get_if<wire::ProgressEvent>(&event.body)) {
        take_transfer(*transfer, moment);
    } else if (const auto* warning = std::get_if<wire::WarningEvent>(&event.body)) {
        finished_ += drawing_.draw(*warning);
    }
    return tick(moment);
}

std::string TtyProgress::tick(const Moment& moment) {
    const auto next = next_tick_ms();
    return next && moment.now_ms >= *next ? frame(moment) : std::string();
}

std::optional<std::uint64_t> TtyProgress::next_tick_ms() const {
    if (!changed_ && running_.empty()) {
        return std::nullopt;
    }
    const std::uint64_t since = drawn_ms_ ? *drawn_ms_ : began_ms_.value_or(0);
    return since + (changed_ ? k_frame_interval_ms : k_clock_interval_ms);
}

std::string TtyProgress::finish(const Moment& moment) {
    transfers_.clear();
    running_.clear();
    seen_.clear();  // no summary below the last frame
    return frame(moment);
}

void TtyProgress::take_step(const wire::StepEvent& step, const Moment& moment) {
    seen_.try_emplace(step.id, false);
    switch (step.status) {
        case wire::StepStatus::waiting:
            return;
        case wire::StepStatus::running:
            running_.try_emplace(
                step.id, Step{clean_line(step.name), moment.now_ms, StepLog(k_log_lines_kept)}
            );
            return;
        case wire::StepStatus::cached:
            ++cached_steps_;
            [[fallthrough]];
        case wire::StepStatus::done:
        case wire::StepStatus::failed:
        case wire::StepStatus::cancelled:
            end_step(step, moment);
    }
}

void TtyProgress::end_step(const wire::StepEvent& step, const Moment& moment) {
    seen_[step.id] = true;
    const bool failed = step.status == wire::StepStatus::failed;
    const std::string_view color = step.status == wire::StepStatus::cached ? k_dim
                                   : failed                                ? k_red
                                                                           : k_green;
    finished_ +=
        row(mark(step.status), color, clean_line(step.name), facts_of(step), moment.columns) + '\n';
    // What a failed step said stays on the screen: it tells why.
    if (const auto found = running_.find(step.id); failed && found != running_.end()) {
        const StepLog& log = found->second.log;
        if (log.dropped_lines() > 0) {
            finished_ += fmt::format("   ({} lines before, see kiln logs)\n", log.dropped_lines());
        }
        for (const std::string& line : log.tail(k_log_lines_kept)) {
            finished_ += "   " + line + '\n';
        }
    }
    running_.erase(step.id);
    std::erase_if(transfers_, [&](const auto& transfer) {
        return transfer.second.last.step == step.id;
    });
}

void TtyProgress::take_transfer(const wire::ProgressEvent& transfer, const Moment& moment) {
    const std::string name = name_of(transfer);
    const auto known = transfers_.find(name);
    const bool whole = transfer.total_bytes && transfer.current_bytes >= *transfer.total_bytes;
    if (!whole) {
        const std::uint64_t started_ms =
            known == transfers_.end() ? moment.now_ms : known->second.started_ms;
        transfers_.insert_or_assign(name, Transfer{transfer, started_ms});
        return;
    }
    // What belongs to a step is told by the step's own line; what took no time, by nobody.
    if (!transfer.step && known != transfers_.end()) {
        const std::string facts = fmt::format(
            "{} {:>6}",
            render_size(transfer.current_bytes),
            render_duration(moment.now_ms - known->second.started_ms)
        );
        finished_ += row(mark(wire::StepStatus::done), k_green, name, facts, moment.columns) + '\n';
    }
    transfers_.erase(name);
}

std::string TtyProgress::frame(const Moment& moment) {
    const std::vector<std::string> live = live_lines(moment);
    std::string text = drawn_rows_ > 0 ? fmt::format("\r\x1b[{}A", drawn_rows_) : std::string();
    std::string_view finished = finished_;
    while (!finished.empty()) {
        const std::size_t end = finished.find('\n');
        text.append(finished.substr(0, end)).append(k_clear_to_end_of_line).append("\n");
        finished.remove_prefix(end + 1);
    }
    for (const std::string& line : live) {
        text.append(line).append(k_clear_to_end_of_line).append("\n");
    }
    if (live.size() < drawn_rows_) {
        text += k_clear_below;
    }
    finished_.clear();
    drawn_rows_ = live.size();
    drawn_ms_ = moment.now_ms;
    changed_ = false;
    return text;
}

std::vector<std::string> TtyProgress::live_lines(const Moment& moment) const {
    std::vector<std::string> lines;
    if (seen_.empty() && transfers_.empty()) {
        return lines;
    }
    // One row is left free: a newline on the last one would scroll.
    const std::size_t room = moment.rows > 2 ? moment.rows - 2 : 1;
    const std::size_t heads = running_.size() + transfers_.size();
    const std::size_t spare = room > heads ? room - heads : 0;
    const std::size_t log_rows =
        running_.empty() ? 0 : std::min(k_log_rows, spare / running_.size());
    for (const auto& [id, step] : running_) {
        const std::uint64_t elapsed_ms = moment.now_ms - step.started_ms;
        lines.push_back(
            row(mark(wire::StepStatus::running),
                k_cyan,
                step.name,
                render_duration(elapsed_ms),
                moment.columns)
        );
        for (const std::string& said : step.log.tail(log_rows)) {
            const std::size_t columns = moment.columns > 4 ? moment.columns - 4 : 1;
            lines.push_back("   " + paint(k_dim, truncate(said, columns, style_.unicode)));
        }
    }
    for (const auto& [name, transfer] : transfers_) {
        lines.push_back(row(
            mark(wire::StepStatus::running), k_cyan, name, facts_of(transfer.last), moment.columns
        ));
    }
    if (lines.size() > room) {
        lines.resize(room);
    }
    if (!seen_.empty()) {
        const auto ended =
            std::count_if(seen_.begin(), seen_.end(), [](const auto& step) { return step.second; });
        std::string summary = fmt::format("{} of {} steps", ended, seen_.size());
        if (cached_steps_ > 0) {
            summary += fmt::format(", {} cached", cached_steps_);
        }
        const std::string time = render_duration(moment.now_ms - began_ms_.value_or(0));
        lines.push_back(row(" ", k_dim, summary, time, moment.columns));
    }
    return lines;
}

/// "mark name             facts", never wider than the terminal less one cell.
std::string TtyProgress::row(
    std::string_view mark,
    std::string_view color,
    std::string_view name,
    const std::string& facts,
    std::size_t columns
) const {
    const std::size_t width = std::max<std::size_t>(columns, 20) - 1;
    const std::size_t facts_width = facts.empty() ? 0 : facts.size() + 1;
    const std::size_t taken = 3 + facts_width;
    const std::string shown = truncate(name, width > taken ? width - taken : 1, style_.unicode);
    std::string line =
        " " + paint(color, mark) + " " + (color == k_dim ? paint(k_dim, shown) : shown);
    if (!facts.empty()) {
        const std::size_t used = 3 + display_width(shown);
        line += std::string(
            std::max<std::size_t>(1, width - std::min(width, used + facts.size())), ' '
        );
        line += paint(k_dim, facts);
    }
    return line;
}

std::string TtyProgress::paint(std::string_view color, std::string_view text) const {
    return style_.color == Color::yes ? fmt::format("\x1b[{}m{}\x1b[0m", color, text)
                                      : std::string(text);
}

std::string_view TtyProgress::mark(wire::StepStatus status) const {
    const bool unicode = style_.unicode == Unicode::yes;
    switch (status) {
        case wire::StepStatus::waiting:
            return " ";
        case wire::StepStatus::running:
            return unicode ? "▸" : ">";
        case wire::StepStatus::cached:
        case wire::StepStatus::done:
            return unicode ? "✔" : "+";
        case wire::StepStatus::failed:
            return unicode ? "✘" : "x";
        case wire::StepStatus::cancelled:
            return "-";
    }
    return " ";
}

}  // namespace kiln::client
