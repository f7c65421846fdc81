#pragma once

#include "store/base/bytes.hpp"
#include "store/layer_facts.hpp"

#include <cstdint>
#include <memory>

namespace kiln {

/// The uncompressed tar of a blob, readable anywhere: only the frames that a range touches are
/// read, and the last one is remembered, so that reading many files in the order of the tar costs
/// one pass. A blob without frames is read forward from where the last range ended, or else from
/// the front.
/// Thread   one reader and its sources, one thread.
class LayerReader {
  public:
    /// `blob_fd` outlives the reader.
    LayerReader(int blob_fd, const Dress& dress);
    LayerReader(LayerReader&&) noexcept;
    LayerReader& operator=(LayerReader&&) noexcept;
    ~LayerReader();

    /// Front to back; the reader outlives it.
    std::unique_ptr<ByteSource> tar();
    /// Exactly `size_bytes` from `offset` on; the reader outlives it. Sources may be read in turns.
    /// Errors   while reading: corrupt, also when the tar ends before.
    std::unique_ptr<ByteSource> range(std::uint64_t offset, std::uint64_t size_bytes);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The same for one use; `blob_fd` outlives the source.
Result<std::unique_ptr<ByteSource>> open_layer_tar(int blob_fd, const Dress& dress);
Result<std::unique_ptr<ByteSource>> open_layer_range(
    int blob_fd, const Dress& dress, std::uint64_t offset, std::uint64_t size_bytes
);

}  // namespace kiln
