#pragma once

#include "layers/layer_reader.hpp"
#include "store/base/bytes.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

namespace kiln::exec {

/// The uncompressed tar of a blob, front to back, decompressed ahead: frames by several threads at
/// once, a blob without frames by one thread. At most a few frames wait in memory.
/// Thread   one reader. The destructor stops and joins.
class FrameReader final : public ByteSource {
  public:
    /// `blob_fd` outlives the reader.
    FrameReader(int blob_fd, const Dress& dress, std::uint32_t workers, std::stop_token stop);
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;
    ~FrameReader() override;

    Result<std::size_t> read(MutableByteSpan into) override;

    /// Tar bytes given so far.
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    struct Piece {
        std::size_t index = 0;
        Bytes bytes;  // empty: the end
        std::optional<Error> error = {};
    };

    void produce_frames();
    void produce_in_order();
    /// Waits for room. False when nobody wants it any more.
    bool put(Piece piece);
    [[nodiscard]] std::optional<std::size_t> claim();

    int blob_fd_;
    const Dress& dress_;
    std::stop_token stop_;
    std::size_t window_;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closing_ = false;
    std::size_t next_claimed_ = 0;
    std::size_t next_read_ = 0;
    std::vector<Piece> ready_;  // in any order, at most window_ of them

    Bytes current_;
    std::size_t position_ = 0;
    bool ended_ = false;
    std::uint64_t size_bytes_ = 0;
    std::vector<std::uint64_t> offsets_;  // of each frame in the tar
    std::vector<std::thread> threads_;
};

}  // namespace kiln::exec
