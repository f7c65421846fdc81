#pragma once

#include "layers/compress/compression.hpp"
#include "store/base/bytes.hpp"
#include "store/descriptor.hpp"

#include <cstdint>
#include <vector>

namespace kiln {

/// One independent frame: it holds the next `tar_bytes` of the tar in `blob_bytes` of the blob.
struct Frame {
    std::uint32_t tar_bytes = 0;
    std::uint32_t blob_bytes = 0;
    bool operator==(const Frame&) const = default;
};

/// Where the independent frames of a blob lie, front to back and without gaps. What LayerBuilder
/// writes ends with a frame of its own for the 1,024 zero bytes of the trailer, so that the frames
/// before it can be concatenated with those of other layers. Empty where it isn't needed (a plain
/// tar) or not known (blobs that others compressed): those are read from the front.
struct FrameMap {
    std::vector<Frame> frames;
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
