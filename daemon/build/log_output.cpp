#include "daemon/build/log_output.hpp"

#include <boost/asio/post.hpp>

namespace kiln::daemon {

void LogOutput::write(exec::Stream stream, ByteSpan bytes) {
    LogEvent event{step_, stream == exec::Stream::error, std::string(as_text(bytes))};
    {
        std::unique_lock lock(gate_->mutex);
        gate_->passed.wait(lock, [&] { return gate_->under_way < k_most_under_way; });
        ++gate_->under_way;
    }
    boost::asio::post(job_->loop(), [job = job_, gate = gate_, event = std::move(event)] {
        job->emit(event);
        const std::lock_guard lock(gate->mutex);
        --gate->under_way;
        gate->passed.notify_one();
    });
}

}  // namespace kiln::daemon
