#pragma once

#include "daemon/build/cache_key.hpp"
#include "store/lease.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::daemon {

/// What a key leads to: a layer, or the knowledge that there is nothing to put into one.
struct KnownLayer {
    std::optional<LayerFacts> layer;
    bool known = false;  // before this build
};

/// Layers that are made once and found again by what they were made of: a build's own view of the
/// cache, under its lease.
/// Thread   pool.
class KnownLayers {
  public:
    KnownLayers(store::Store& store, const store::Lease& lease, bool no_cache)
        : store_(store),
          lease_(lease),
          no_cache_(no_cache) {}

    /// nullopt: not known, or not to be looked for.
    [[nodiscard]] Result<std::optional<KnownLayer>> find(const Digest& key) const;

    /// A record that was remembered beside layers; nullopt as for them.
    [[nodiscard]] Result<std::optional<store::CacheRecord>> find_record(const Digest& key) const;

    /// Keeps a record that leads to this layer, which is known already.
    [[nodiscard]] Result<void> use(const Digest& key, const std::optional<LayerFacts>& layer) const;

    struct Made {
        Digest key;
        const std::optional<LayerFacts>& layer;
    };

    /// Several in one go: what is made durable together is synced together.
    [[nodiscard]] Result<void> remember(
        const std::vector<Made>& made, std::vector<store::CacheRecord> beside = {}
    ) const;

  private:
    store::Store& store_;
    const store::Lease& lease_;
    bool no_cache_;
};

/// The digest of a key of these named ingredients.
Digest key_of(
    std::string operation, const std::vector<std::pair<std::string, std::string>>& ingredients
);

}  // namespace kiln::daemon
