#include "daemon/runtime/byte_channel.hpp"

#include <boost/asio/post.hpp>

namespace kiln::daemon {

Result<void> ByteChannel::write(ByteSpan bytes) {
    if (bytes.empty()) {
        return {};
    }
    {
        std::unique_lock lock(mutex_);
        drained_.wait(lock, [&] { return abandoned_ || held_bytes_ < k_capacity_bytes; });
        if (abandoned_) {
            return fail(Code::cancelled, "the reader has gone");
        }
        chunks_.emplace_back(bytes.begin(), bytes.end());
        held_bytes_ += bytes.size();
    }
    wake_reader();
    return {};
}

void ByteChannel::close(Result<void> outcome) {
    {
        const std::lock_guard lock(mutex_);
        outcome_ = std::move(outcome);
    }
    wake_reader();
}

void ByteChannel::wake_reader() {
    boost::asio::post(loop_, [self = shared_from_this()] { self->arrived_.notify_all(); });
}

boost::asio::awaitable<Result<std::optional<Bytes>>> ByteChannel::read() {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (!chunks_.empty()) {
                Bytes chunk = std::move(chunks_.front());
                chunks_.pop_front();
                held_bytes_ -= chunk.size();
                drained_.notify_one();
                co_return std::optional<Bytes>(std::move(chunk));
            }
            if (outcome_) {
                if (!*outcome_) {
                    co_return fail(outcome_->error());
                }
                co_return std::optional<Bytes>();
            }
        }
        co_await arrived_.wait();
    }
}

void ByteChannel::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    drained_.notify_all();
}

}  // namespace kiln::daemon
