#pragma once

#include "daemon/build/known_layers.hpp"
#include "daemon/build/layer_writer.hpp"
#include "layers/layer_parts.hpp"
#include "store/blob_reader.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// A layer in the store, open.
struct OpenedBlob {
    store::BlobReader reader;
    Dress dress;
    std::uint64_t tar_bytes = 0;
};

/// A part of a layer that is in the store.
struct KnownPart {
    std::shared_ptr<const OpenedBlob> blob;
    StoredPart stored;
    Digest table;  // of the table's bytes, and so of all that the part holds
};

/// A part of a layer to be: copied where it is known, else made.
struct PartToLay {
    Digest key;
    std::optional<KnownPart> known;
    FillLayer make;
    /// What an error of make() is to the user.
    std::function<Error(Error)> explain = {};
};

struct LaidLayer {
    KnownLayer layer;  // without a layer: no part held anything
    Digest key;
    /// To be remembered with the layer: where its parts lie, and where its hash may be taken up.
    std::vector<store::CacheRecord> records;
};

/// Layers that are written in parts, such as packages or their records. Each part is compressed
/// once, whatever layers it comes to lie in, and lies nowhere else.
/// Thread   pool, several at once.
class PartLayers {
  public:
    PartLayers(LayerWriting writing, bool no_cache)
        : known_(writing.store, writing.lease, no_cache),
          writing_(std::move(writing)) {}

    /// The layer of the parts that have these keys, when it is known.
    [[nodiscard]] Result<std::optional<LaidLayer>> find(const std::vector<Digest>& keys) const;
    /// The parts that have these keys, wherever they lie; nullopt where one is not known.
    [[nodiscard]] Result<std::vector<std::optional<KnownPart>>> find_parts(
        const std::vector<Digest>& keys
    ) const;
    /// The parts as one layer, under the lease and not yet remembered: that waits for the disk,
    /// which is no work for the pool.
    /// Errors   those of what makes the parts, and of the store.
    [[nodiscard]] Result<LaidLayer> lay(std::vector<PartToLay> parts, const std::string& origin)
        const;
    /// Makes what is new durable, and known to later builds.
    [[nodiscard]] Result<void> remember(const LaidLayer& layer) const;

  private:
    [[nodiscard]] Digest layer_key(const std::vector<Digest>& parts) const;
    [[nodiscard]] Digest part_key(const Digest& key) const;
    [[nodiscard]] Result<std::optional<Hasher::Point>> find_point(
        const std::vector<PartToLay>& parts
    ) const;
    [[nodiscard]] Result<std::vector<store::CacheRecord>> records_of(
        const std::vector<PartToLay>& parts, const BuiltLayer& built
    ) const;

    KnownLayers known_;
    LayerWriting writing_;
};

}  // namespace kiln::daemon
