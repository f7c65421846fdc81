#pragma once

#include "client/progress/progress.hpp"
#include "client/progress/step_log.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kiln::client {

/// For a terminal: what is finished scrolls away as one line each; below it stands, redrawn in
/// place, what is going on, with the last lines that the running steps printed.
/// A frame is one write of whole lines, each cleared behind its end, so that nothing flickers; it
/// is never taller than the terminal, because what has scrolled out cannot be redrawn.
class TtyProgress final : public Progress {
  public:
    /// `drawing` outlives the progress.
    TtyProgress(const ProgressStyle& style, const ErrorDrawing& drawing)
        : style_(style),
          drawing_(drawing) {}

    std::string take(const wire::Event& event, std::string_view line, const Moment& moment)
        override;
    std::string tick(const Moment& moment) override;
    [[nodiscard]] std::optional<std::uint64_t> next_tick_ms() const override;
    std::string finish(const Moment& moment) override;

  private:
    struct Step {
        std::string name;
        std::uint64_t started_ms = 0;
        StepLog log;
    };

    struct Transfer {
        wire::ProgressEvent last;
        std::uint64_t started_ms = 0;
    };

    void take_step(const wire::StepEvent& step, const Moment& moment);
    void take_transfer(const wire::ProgressEvent& transfer, const Moment& moment);
    void end_step(const wire::StepEvent& step, const Moment& moment);

    std::string frame(const Moment& moment);
    [[nodiscard]] std::vector<std::string> live_lines(const Moment& moment) const;
    [[nodiscard]] std::string row(
        std::string_view mark,
        std::string_view color,
        std::string_view name,
        const std::string& facts,
        std::size_t columns
    ) const;
    [[nodiscard]] std::string paint(std::string_view color, std::string_view text) const;
    [[nodiscard]] std::string_view mark(wire::StepStatus status) const;

    ProgressStyle style_;
    const ErrorDrawing& drawing_;
    std::map<std::uint64_t, Step> running_;
    std::map<std::string, Transfer> transfers_;
    std::map<std::uint64_t, bool> seen_;  // steps by id: whether they have ended
    std::size_t cached_steps_ = 0;
    std::string finished_;  // whole lines that scroll away with the next frame
    std::size_t drawn_rows_ = 0;
    std::optional<std::uint64_t> began_ms_;
    std::optional<std::uint64_t> drawn_ms_;
    bool changed_ = false;
};

}  // namespace kiln::client
