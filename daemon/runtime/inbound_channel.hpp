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

namespace kiln::daemon {

/// The other way round of ByteChannel: bytes that a coroutine receives, for a thread that reads
/// them; a slow disk slows the socket. Thread   read() on one thread (not of the cpu pool: it may
/// wait long); the rest on the loop.
class InboundChannel final : public ByteSource,
                             public std::enable_shared_from_this<InboundChannel> {
  public:
    static constexpr std::size_t k_capacity_bytes = 4U << 20U;

    explicit InboundChannel(const boost::asio::any_io_executor& loop)
        : loop_(loop),
          drained_(loop) {}

    /// False when the reader has gone: nobody wants the rest.
    boost::asio::awaitable<bool> push(Bytes bytes);
    /// The end of the bytes; with an error the reader is told instead.
    void close(Result<void> outcome);

    Result<std::size_t> read(MutableByteSpan into) override;
    /// The reader goes, done or not.
    void abandon();

  private:
    void wake_writer();

    boost::asio::any_io_executor loop_;
    Signal drained_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Bytes> chunks_;
    std::size_t front_taken_ = 0;  // bytes of chunks_.front() that were read
    std::size_t held_bytes_ = 0;
    std::optional<Result<void>> outcome_;
    bool abandoned_ = false;
};

}  // namespace kiln::daemon
