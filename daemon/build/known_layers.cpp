#include "daemon/build/known_layers.hpp"

namespace kiln::daemon {

Result<std::optional<KnownLayer>> KnownLayers::find(const Digest& key) const {
    TRY_ASSIGN(const auto record, find_record(key));
    if (!record) {
        return std::optional<KnownLayer>();
    }
    KnownLayer known{.layer = std::nullopt, .known = true};
    if (record->diff_id) {
        TRY_ASSIGN(known.layer, store_.index().find_layer(*record->diff_id));
        if (!known.layer) {
            return std::optional<KnownLayer>();
        }
    }
    return std::optional(std::move(known));
}

Result<std::optional<store::CacheRecord>> KnownLayers::find_record(const Digest& key) const {
    lease_.keep(key);
    TRY_ASSIGN(auto record, store_.index().find_cache(key));
    if (!record || no_cache_) {
        return std::optional<store::CacheRecord>();
    }
    store_.used(key);
    return record;
}

Result<void> KnownLayers::use(const Digest& key, const std::optional<LayerFacts>& layer) const {
    TRY_ASSIGN(const auto record, store_.index().find_cache(key));
    if (layer && record && record->diff_id == layer->diff_id) {
        lease_.keep(key);
        store_.used(key);
    }
    return {};
}

Result<void> KnownLayers::remember(
    const std::vector<Made>& made, std::vector<store::CacheRecord> beside
) const {
    store::Batch batch;
    batch.cache = std::move(beside);
    for (const Made& each : made) {
        store::CacheRecord record{.key = each.key};
        if (each.layer) {
            record.diff_id = each.layer->diff_id;
            batch.layers.push_back(*each.layer);
        }
        batch.cache.push_back(std::move(record));
    }
    return store_.record(batch);
}

Digest key_of(
    std::string operation, const std::vector<std::pair<std::string, std::string>>& ingredients
) {
    CacheKey key(std::move(operation));
    for (const auto& [name, value] : ingredients) {
        key.add(name, value);
    }
    return key.digest();
}

}  // namespace kiln::daemon
