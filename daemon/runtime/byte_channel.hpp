#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/bytes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace kiln::daemon {

/// Bytes from a thread that produces them to a coroutine that sends them, at most
/// `k_capacity_bytes` ahead: a slow reader slows the producer. Always held by shared_ptr, for the
/// two sides end in any order. Thread   write() and close() from one producing thread (not of the
/// cpu pool: it may wait long); the rest on the loop.
class ByteChannel final : public ByteSink, public std::enable_shared_from_this<ByteChannel> {
  public:
    static constexpr std::size_t k_capacity_bytes = 4U << 20U;

    explicit ByteChannel(const boost::asio::any_io_executor& loop)
        : loop_(loop),
          arrived_(loop) {}

    /// Errors   cancelled when the reader has gone.
    Result<void> write(ByteSpan bytes) override;
    /// The producer is done; with an error, the reader is told after the bytes before it.
    void close(Result<void> outcome);

    /// The next bytes; nullopt after close(). Errors: the producer's.
    boost::asio::awaitable<Result<std::optional<Bytes>>> read();
    /// The reader goes: the producer's next write() fails.
    void abandon();

  private:
    void wake_reader();

    boost::asio::any_io_executor loop_;
    Signal arrived_;
    std::mutex mutex_;
    std::condition_variable drained_;
    std::deque<Bytes> chunks_;
    std::size_t held_bytes_ = 0;
    std::optional<Result<void>> outcome_;
    bool abandoned_ = false;
};

}  // namespace kiln::daemon
