#pragma once

#include "client/progress/progress.hpp"
#include "client/progress/step_log.hpp"

#include <map>
#include <string>

namespace kiln::client {

/// One line an event, "#N" of its step in front: for logs and pipes. Nothing is ever redrawn, and
/// a transfer speaks at most every two seconds.
class PlainProgress final : public Progress {
  public:
    /// `drawing` outlives the progress.
    explicit PlainProgress(const ErrorDrawing& drawing)
        : drawing_(drawing) {}

    std::string take(const wire::Event& event, std::string_view line, const Moment& moment)
        override;
    std::string finish(const Moment& moment) override;

  private:
    struct Transfer {
        std::uint64_t told_ms = 0;
        bool whole = false;
    };

    std::string take_step(const wire::StepEvent& step);
    std::string take_log(const wire::LogEvent& log);
    std::string take_transfer(const wire::ProgressEvent& transfer, const Moment& moment);

    const ErrorDrawing& drawing_;
    std::map<std::uint64_t, StepLog> logs_;
    std::map<std::uint64_t, wire::StepStatus> told_;
    std::map<std::string, Transfer> transfers_;
};

}  // namespace kiln::client
