#pragma once

#include "layers/layer_parts.hpp"
#include "store/base/bytes.hpp"
#include "store/layer_facts.hpp"

#include <cstdint>
#include <vector>

namespace kiln {

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
    std::vector<LayerPart> parts;  // where it was written in parts
};

}  // namespace kiln
