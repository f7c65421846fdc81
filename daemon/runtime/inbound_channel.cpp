#include "daemon/runtime/inbound_channel.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>

namespace kiln::daemon {

boost::asio::awaitable<MutableByteSpan> InboundChannel::room() {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (abandoned_) {
                co_return MutableByteSpan();
            }
            const std::size_t held = written_ - read_;
            if (held < k_capacity_bytes) {
                const std::size_t begin = written_ % k_capacity_bytes;
                const std::size_t free =
                    std::min(k_capacity_bytes - held, k_capacity_bytes - begin);
                co_return MutableByteSpan(ring_.get() + begin, free);
            }
            writer_waits_ = true;
        }
        co_await drained_.wait();
    }
}

void InboundChannel::advance(std::size_t count) {
    {
        const std::lock_guard lock(mutex_);
        written_ += count;
    }
    arrived_.notify_one();
}

void InboundChannel::close(Result<void> outcome) {
    {
        const std::lock_guard lock(mutex_);
        outcome_ = std::move(outcome);
    }
    arrived_.notify_one();
}

Result<std::size_t> InboundChannel::read(MutableByteSpan into) {
    std::size_t count = 0;
    std::size_t begin = 0;
    {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return written_ > read_ || outcome_; });
        if (written_ == read_) {
            if (!*outcome_) {
                return fail(outcome_->error());
            }
            return std::size_t{0};
        }
        begin = read_ % k_capacity_bytes;
        const std::size_t held = written_ - read_;
        count = std::min({into.size(), held, k_capacity_bytes - begin});
    }
    // The writer leaves these bytes alone until read_ has passed them.
    std::memcpy(into.data(), ring_.get() + begin, count);
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        read_ += count;
        wake = writer_waits_ && written_ - read_ <= k_capacity_bytes / 2;
        writer_waits_ = writer_waits_ && !wake;
    }
    if (wake) {
        wake_writer();
    }
    return count;
}

void InboundChannel::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    wake_writer();
}

void InboundChannel::wake_writer() {
    boost::asio::post(loop_, [self = shared_from_this()] { self->drained_.notify_all(); });
}

}  // namespace kiln::daemon
