#pragma once

#include "layers/layer.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>

namespace kiln {

/// The uncompressed tar of a blob, front to back. `blob_fd` outlives the source.
/// Frames are decompressed ahead by nobody: use it where one thread is enough.
Result<std::unique_ptr<ByteSource>> open_layer_tar(int blob_fd, const Dress& dress);

/// One range of the uncompressed tar out of the middle of a blob: only the frames it touches are
/// read. A blob without frames is read from the front. Errors   corrupt.
Result<std::unique_ptr<ByteSource>> open_layer_range(
    int blob_fd, const Dress& dress, std::uint64_t offset, std::uint64_t size_bytes
);

}  // namespace kiln
