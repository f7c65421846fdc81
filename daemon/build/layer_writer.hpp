#pragma once

#include "layers/layer_builder.hpp"
#include "layers/oci/export.hpp"
#include "store/store.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace kiln::daemon {

/// What new layers are written with.
struct LayerWriting {
    store::Store& store;
    ThreadPool& pool;
    const store::Lease& lease;
    LayerOptions options;
    std::stop_token stop;
};

/// What the index keeps of a layer. `origin` tells people where it came from.
LayerFacts facts_of(const BuiltLayer& built, std::string origin);

/// A layer from entries to blob and table in the store, under the lease, not yet recorded; nullopt
/// when `fill` added nothing, for an empty layer says nothing.
using FillLayer = std::function<Result<void>(LayerBuilder& layer)>;
Result<std::optional<LayerFacts>> write_layer(
    const LayerWriting& writing, const std::string& origin, const FillLayer& fill
);

/// The same layer in the wanted dress: one it has, or made now and recorded.
Result<Dress> dress_layer(const LayerWriting& writing, const Digest& diff_id);

/// A layer to be sent: as it is stored when that is `wanted`, in another dress of it, or its plain
/// tar, which need not be stored for that.
Result<oci::OpenedLayer> open_dressed(
    const LayerWriting& writing, const Descriptor& layer, const Digest& diff_id, Compression wanted
);

}  // namespace kiln::daemon
