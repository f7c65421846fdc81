#pragma once

#include "layers/compress/compressor.hpp"
#include "store/base/bytes.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace kiln {

/// Room that isn't cleared first; it is filled anyway.
struct BlockBuffer {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t capacity = 0;

    MutableByteSpan reserve(std::size_t size);
};

/// What pipelines work with and hand on to each other: memory that was touched before costs no page
/// fault, and a package of a few blocks has little else. Keeps as much as was in use at once.
/// Thread   any.
class BlockBuffers {
  public:
    /// The one that was given back last: what is never touched is never taken.
    BlockBuffer take_tar();
    void give_tar(BlockBuffer buffer);
    BlockBuffer take_frame();
    void give_frame(BlockBuffer buffer);

    /// Errors   those of make_compressor().
    Result<std::unique_ptr<Compressor>> take_compressor(
        Compression compression, std::optional<int> level
    );
    void give_compressor(
        Compression compression, std::optional<int> level, std::unique_ptr<Compressor> compressor
    );
    std::unique_ptr<FrameDecompressor> take_decompressor(Compression compression);
    void give_decompressor(
        Compression compression, std::unique_ptr<FrameDecompressor> decompressor
    );

  private:
    using Kind = std::pair<Compression, std::optional<int>>;

    std::mutex mutex_;
    std::vector<BlockBuffer> tars_;
    std::vector<BlockBuffer> frames_;
    std::vector<std::pair<Kind, std::unique_ptr<Compressor>>> compressors_;
    std::vector<std::pair<Compression, std::unique_ptr<FrameDecompressor>>> decompressors_;
};

}  // namespace kiln
