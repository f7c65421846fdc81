#pragma once

#include "layers/compress/compression.hpp"
#include "store/base/bytes.hpp"
#include "store/descriptor.hpp"

#include <cstdint>
#include <vector>

namespace kiln {

/// Where the independent frames of a blob lie: frame i holds tar bytes [i*tar_bytes,
/// (i+1)*tar_bytes) and is compressed_sizes[i] bytes long. Empty for blobs that others compressed:
/// those are read from the front.
struct FrameMap {
    std::uint32_t tar_bytes = 0;
    std::vector<std::uint32_t> compressed_sizes;
    bool operator==(const FrameMap&) const = default;
};

/// One dress of a layer, recorded by the writer that computed all of it together.
struct Dress {
    Compression compression = Compression::zstd;
    Digest digest;
    std::uint64_t size_bytes = 0;
    FrameMap frames;
};

/// A layer is its diff_id; the table of contents belongs to the diff_id, dresses come and go.
struct Layer {
    Digest diff_id;
    std::uint64_t tar_bytes = 0;
    Dress dress;
};

/// What LayerBuilder::finish() gives: the layer, and its rendered table (see
/// table_of_contents.hpp).
struct BuiltLayer {
    Layer layer;
    Bytes table;
    std::uint64_t entries = 0;
};

}  // namespace kiln
