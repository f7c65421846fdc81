#include "store/live_set.hpp"

#include <utility>

namespace kiln::store {

Result<LiveSet> LiveSet::load(Store::State& state) {
    LiveSet set(state);
    // Fresh ones first: what becomes durable meanwhile is then seen twice, not missed.
    for (const ObjectFolder* const folder : state.folders()) {
        const std::vector<Object> fresh = folder->fresh();
        set.objects_.insert(set.objects_.end(), fresh.begin(), fresh.end());
    }
    TRY_ASSIGN(const std::vector<Object> durable, state.index->objects());
    set.objects_.insert(set.objects_.end(), durable.begin(), durable.end());
    const auto order = [](const Object& a, const Object& b) {
        return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
    };
    const auto same = [](const Object& a, const Object& b) {
        return a.kind == b.kind && a.name == b.name;
    };
    std::sort(set.objects_.begin(), set.objects_.end(), order);
    set.objects_.erase(
        std::unique(set.objects_.begin(), set.objects_.end(), same), set.objects_.end()
    );
    for (const Object& object : set.objects_) {
        set.sizes_[object.name] += object.size_bytes;
    }
    TRY_ASSIGN(set.layers_, state.index->layers());
    for (const LayerFacts& layer : set.layers_) {
        for (const Dress& dress : layer.dresses) {
            set.lead(layer.diff_id, dress.digest);
            set.lead(dress.digest, layer.diff_id);
        }
    }
    TRY_ASSIGN(set.contexts_, state.index->contexts());
    for (const auto& [listing, packs] : set.contexts_) {
        for (const Digest& pack : packs) {
            set.lead(listing, pack);
        }
    }
    TRY_ASSIGN(const std::vector<Referrer> referrers, state.index->referrers());
    for (const Referrer& referrer : referrers) {
        set.lead(referrer.subject, referrer.manifest.digest);
        for (const Digest& blob : referrer.blobs) {
            set.lead(referrer.manifest.digest, blob);
        }
    }
    TRY_ASSIGN(const std::vector<CacheRecord> cache, state.index->cache());
    for (const CacheRecord& record : cache) {
        if (record.diff_id) {
            set.lead(record.key, *record.diff_id);
        }
        for (const Digest& blob : record.blobs) {
            set.lead(record.key, blob);
        }
    }
    return set;
}

std::vector<Digest> LiveSet::mark(const Digest& name) {
    std::vector<Digest> marked;
    std::vector<Digest> rest{name};
    while (!rest.empty()) {
        const Digest next = rest.back();
        rest.pop_back();
        if (!live_.insert(next).second) {
            continue;
        }
        marked.push_back(next);
        const auto edges = edges_.find(next);
        if (edges != edges_.end()) {
            rest.insert(rest.end(), edges->second.begin(), edges->second.end());
        }
    }
    return marked;
}

Result<void> LiveSet::mark(const Descriptor& descriptor) {
    TRY_ASSIGN(
        const auto reached, reached_from(state_->blobs, state_->options.reaches, descriptor)
    );
    for (const Digest& digest : reached) {
        mark(digest);
    }
    return {};
}

Result<void> LiveSet::mark(const LeaseTable::Kept& kept) {
    for (const Digest& digest : kept.digests) {
        mark(digest);
    }
    for (const auto& [digest, descriptor] : kept.descriptors) {
        TRY(mark(descriptor));
    }
    return {};
}

Result<void> LiveSet::mark(const std::vector<Ref>& refs) {
    for (const Ref& ref : refs) {
        TRY(mark(ref.target), "while looking what {} reaches", ref.name);
    }
    return {};
}

void LiveSet::unmark(const std::vector<Digest>& names) {
    for (const Digest& name : names) {
        live_.erase(name);
    }
}

std::uint64_t LiveSet::size_bytes(const std::vector<Digest>& names) const {
    std::uint64_t sum = 0;
    for (const Digest& name : names) {
        const auto size = sizes_.find(name);
        sum += size == sizes_.end() ? 0 : size->second;
    }
    return sum;
}

std::uint64_t LiveSet::size_bytes() const {
    std::uint64_t sum = 0;
    for (const Object& object : objects_) {
        sum += holds(object.name) ? object.size_bytes : 0;
    }
    return sum;
}

}  // namespace kiln::store
