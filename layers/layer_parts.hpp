#pragma once

#include "layers/table_of_contents.hpp"
#include "store/hasher.hpp"
#include "store/layer_facts.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace kiln {

/// A stretch of a layer that may lie in other layers too: whole entries in frames of their own,
/// without a trailer.
struct LayerPart {
    std::uint64_t tar_offset = 0;  // in the layer
    std::uint64_t tar_bytes = 0;
    Bytes table;  // of its entries; contents lie where its own tar has them
    /// Where the hash of the layer's tar stands behind it; nullopt where that was not hashed, and
    /// of an empty part, where it is that of the part before.
    std::optional<Hasher::Point> hash_behind;
};

/// Where a part lies in a blob. The frames are those of the dress it was found in.
struct PartPlace {
    std::uint64_t blob_offset = 0;
    std::span<const Frame> frames;  // empty in a plain tar
};

/// nullopt when the frames of the dress begin or end elsewhere: another one was cut by itself.
std::optional<PartPlace> find_part(
    const Dress& dress, std::uint64_t tar_offset, std::uint64_t tar_bytes
);

/// A part of a blob that is here, to be copied into another layer.
struct StoredPart {
    int blob_fd = -1;
    PartPlace place;
    std::uint64_t tar_bytes = 0;
    std::shared_ptr<const TableOfContents> table;
};

/// The rows of several parts as those of one layer: directories may come once a part, and the
/// first of each stays. Errors   internal when anything else is in two parts.
Result<void> merge_rows(std::vector<TableRow>& rows);

}  // namespace kiln
