#pragma once

#include "store/compression.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <string>
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
    bool operator==(const Dress&) const = default;
};

/// What the index knows of a layer. Identity is the diff_id; dresses come and go.
struct LayerFacts {
    Digest diff_id;
    std::uint64_t tar_bytes = 0;
    std::uint64_t entries = 0;
    std::string origin;          // the step or package it came from, for people
    std::vector<Dress> dresses;  // sorted by digest
    bool operator==(const LayerFacts&) const = default;
};

}  // namespace kiln
