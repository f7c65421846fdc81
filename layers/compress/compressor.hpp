#pragma once

#include "layers/compress/compression.hpp"
#include "store/base/bytes.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace kiln {

/// Blocks to independent frames: a zstd frame with its content size, or a whole gzip member. The
/// bytes depend on the block, the compression and its level only.
/// Thread   one compressor, one thread at a time.
class Compressor {
  public:
    Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    virtual ~Compressor() = default;

    /// Room that compress() may need for a block of this size.
    [[nodiscard]] virtual std::size_t bound(std::size_t block_bytes) const = 0;
    /// Shape    the size of the frame, at the front of `into`.
    virtual std::size_t compress(ByteSpan block, MutableByteSpan into) = 0;
};

/// Levels   zstd 1 to 19, by default about 3; gzip 1 to 3 by ISA-L (fast) and 4 to 12 by libdeflate
/// (small), by default 2. Plain has none.
/// Errors   invalid_input for other levels. nullptr for Compression::none.
Result<std::unique_ptr<Compressor>> make_compressor(
    Compression compression, std::optional<int> level
);

/// One frame back to its block. Errors   corrupt, also when it isn't exactly `block` long.
/// Thread   one object, one thread at a time.
class FrameDecompressor {
  public:
    explicit FrameDecompressor(Compression compression);
    FrameDecompressor(const FrameDecompressor&) = delete;
    FrameDecompressor& operator=(const FrameDecompressor&) = delete;
    ~FrameDecompressor();

    Result<void> decompress(ByteSpan frame, MutableByteSpan block);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln
