#pragma once

#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/bytes.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <stop_token>

namespace kiln::oci {

/// What there is to know of a layer that others made.
struct LayerIndex {
    Digest diff_id;
    std::uint64_t tar_bytes = 0;
    Bytes table;  // TableOfContents::render
    std::uint64_t entries = 0;
};

/// Reads a layer's uncompressed tar once: diff_id over all its bytes, the table with the digest and
/// place of each content. A later entry of the same path wins, as when unpacking.
/// Errors   corrupt, invalid_input (a name that leaves the root, lies below a file or a symlink, is
///          a whiteout of nothing), unsupported (a sparse file: its content lies nowhere in the
///          tar), too_large.
Result<LayerIndex> index_layer_tar(
    ByteSource& tar, const tar::TarReaderLimits& limits, std::stop_token stop
);

}  // namespace kiln::oci
