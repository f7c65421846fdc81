#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/bytes.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace kiln::daemon {

/// The other way round of ByteChannel: bytes that a coroutine receives into a ring, for a thread
/// that reads them; a slow disk slows the socket. Thread   read() on one thread (not of the cpu
/// pool: it may wait long); the rest on the loop.
class InboundChannel final : public ByteSource,
                             public std::enable_shared_from_this<InboundChannel> {
  public:
    static constexpr std::size_t k_capacity_bytes = 1U << 20U;

    explicit InboundChannel(const boost::asio::any_io_executor& loop)
        : loop_(loop),
          drained_(loop),
          ring_(std::make_unique_for_overwrite<std::byte[]>(k_capacity_bytes)) {}

    /// Where the next bytes go; empty when the reader has gone: nobody wants the rest.
    boost::asio::awaitable<MutableByteSpan> room();
    /// That many bytes of room() are filled now.
    void advance(std::size_t count);
    /// The end of the bytes; with an error the reader is told instead.
    void close(Result<void> outcome);

    Result<std::size_t> read(MutableByteSpan into) override;
    /// The reader goes, done or not.
    void abandon();

  private:
    void wake_writer();

    boost::asio::any_io_executor loop_;
    Signal drained_;
    std::unique_ptr<std::byte[]> ring_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::uint64_t written_ = 0;  // bytes so far: each lies at its number modulo the capacity
    std::uint64_t read_ = 0;
    bool writer_waits_ = false;  // and is woken when half of the ring is free
    std::optional<Result<void>> outcome_;
    bool abandoned_ = false;
};

}  // namespace kiln::daemon
