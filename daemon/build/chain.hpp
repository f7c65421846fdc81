#pragma once

#include "layers/oci/image_config.hpp"
#include "store/descriptor.hpp"

#include <optional>
#include <vector>

namespace kiln::daemon {

/// One layer of a stage; a base image's keeps the descriptor it came with.
struct ChainLayer {
    Digest diff_id;
    std::optional<Descriptor> descriptor = std::nullopt;
};

/// What a stage has become so far: layers, bottom first, and the history that goes with them.
struct Chain {
    std::vector<ChainLayer> layers;
    std::vector<oci::HistoryEntry> history;

    [[nodiscard]] std::vector<Digest> diff_ids() const {
        std::vector<Digest> ids;
        ids.reserve(layers.size());
        for (const ChainLayer& layer : layers) {
            ids.push_back(layer.diff_id);
        }
        return ids;
    }
};

}  // namespace kiln::daemon
