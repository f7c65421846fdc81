#pragma once

#include "daemon/build/job.hpp"
#include "daemon/exec/executor.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace kiln::daemon {

/// What a command writes, as log events of its job, with a bounded number of them on their way to
/// the loop.
class LogOutput final : public exec::OutputSink {
  public:
    LogOutput(std::shared_ptr<Job> job, std::optional<std::size_t> step)
        : job_(std::move(job)),
          step_(step) {}

    void write(exec::Stream stream, ByteSpan bytes) override;

  private:
    static constexpr std::size_t k_most_under_way = 64;

    struct Gate {
        std::mutex mutex;
        std::condition_variable passed;
        std::size_t under_way = 0;
    };

    std::shared_ptr<Job> job_;
    std::optional<std::size_t> step_;
    std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace kiln::daemon
