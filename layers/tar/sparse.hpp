#pragma once

#include "layers/tar/pax.hpp"
#include "layers/tar/tar_input.hpp"

#include <cstdint>
#include <vector>

namespace kiln::tar {

/// A run of content bytes that the archive holds; what lies between extents reads as zeros.
struct Extent {
    std::uint64_t file_offset = 0;
    std::uint64_t tar_offset = 0;  // in the uncompressed tar
    std::uint64_t size_bytes = 0;
    bool operator==(const Extent&) const = default;
};

/// The map of an old GNU sparse file: in its header and the blocks behind it, which are read.
Result<std::vector<Extent>> read_gnu_sparse_map(ByteSpan header, TarInput& input);

/// The map of a pax sparse file. Version 1.0 has it in front of the content: `stored_bytes` gets
/// smaller by what was read.
Result<std::vector<Extent>> read_pax_sparse_map(
    const PaxSparse& sparse, TarInput& input, std::uint64_t& stored_bytes
);

/// Gives the extents their places in the tar, one after the other from `content_offset` on.
/// Errors   corrupt when they overlap, or leave the file or the stored bytes.
Result<void> place_extents(
    std::vector<Extent>& extents,
    std::uint64_t file_bytes,
    std::uint64_t content_offset,
    std::uint64_t stored_bytes
);

}  // namespace kiln::tar
