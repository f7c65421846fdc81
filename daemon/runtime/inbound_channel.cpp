#include "daemon/runtime/inbound_channel.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>

namespace kiln::daemon {

boost::asio::awaitable<bool> InboundChannel::push(Bytes bytes) {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (abandoned_) {
                co_return false;
            }
            if (held_bytes_ < k_capacity_bytes) {
                held_bytes_ += bytes.size();
                chunks_.push_back(std::move(bytes));
                arrived_.notify_one();
                co_return true;
            }
        }
        co_await drained_.wait();
    }
}

void InboundChannel::close(Result<void> outcome) {
    {
        const std::lock_guard lock(mutex_);
        outcome_ = std::move(outcome);
    }
    arrived_.notify_one();
}

Result<std::size_t> InboundChannel::read(MutableByteSpan into) {
    std::size_t taken = 0;
    bool was_full = false;
    {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return !chunks_.empty() || outcome_; });
        if (chunks_.empty()) {
            if (!*outcome_) {
                return fail(outcome_->error());
            }
            return std::size_t{0};
        }
        const ByteSpan rest = ByteSpan(chunks_.front()).subspan(front_taken_);
        taken = std::min(into.size(), rest.size());
        std::memcpy(into.data(), rest.data(), taken);
        front_taken_ += taken;
        was_full = held_bytes_ >= k_capacity_bytes;
        if (front_taken_ == chunks_.front().size()) {
            held_bytes_ -= chunks_.front().size();
            chunks_.pop_front();
            front_taken_ = 0;
        }
    }
    if (was_full) {
        wake_writer();
    }
    return taken;
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
