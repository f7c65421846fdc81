#include "store/collector.hpp"

#include "store/base/stop.hpp"
#include "store/environments.hpp"
#include "store/live_set.hpp"
#include "store/store_state.hpp"

#include <algorithm>
#include <utility>

namespace kiln::store {
namespace {

struct Plan {
    Removal removal;
    std::vector<Object> leftovers;  // files that neither the index nor this process knows
    std::vector<Digest> unpacked;
};

Result<void> mark_environments(LiveSet& live, Index& index) {
    TRY_ASSIGN(const std::vector<Digest> kept, Environments(index).kept());
    for (const Digest& digest : kept) {
        live.mark(digest);
    }
    return {};
}

/// One collection, front to back.
class Collector {
  public:
    Collector(Store::State& state, const CollectPolicy& policy, const std::stop_token& stop)
        : state_(state),
          policy_(policy),
          stop_(stop) {}

    Result<CollectReport> run();

  private:
    Result<std::vector<Object>> list_files();
    Result<void> mark_by_use(LiveSet& live);
    Result<Plan> plan(const LiveSet& live, const std::vector<Object>& files);
    Result<void> count(const Plan& plan);
    Result<void> cut(LeaseTable::Collection& collection, LiveSet& live, Plan& plan);
    Result<void> remove_files(const std::vector<Object>& gone);
    Result<void> remove_unpacked(
        LeaseTable::Collection& collection, LiveSet& live, const std::vector<Digest>& gone
    );
    Result<std::uint64_t> remove_partials();
    Result<void> delete_trash();
    void count_object(const Object& object);

    Store::State& state_;
    const CollectPolicy& policy_;
    const std::stop_token& stop_;
    CollectReport report_;
    std::vector<CacheRecord> cache_;
};

Result<CollectReport> Collector::run() {
    LeaseTable::Collection collection(state_.leases);
    // Files before the index: what is published in between is known, not left over.
    TRY_ASSIGN(const std::vector<Object> files, list_files());
    TRY_ASSIGN(LiveSet live, LiveSet::load(state_));
    TRY_ASSIGN(cache_, state_.index->cache());
    TRY_ASSIGN(const std::vector<Ref> refs, state_.index->refs());
    TRY(live.mark(refs));
    TRY(mark_environments(live, *state_.index));
    TRY(collection.with_kept([&](const LeaseTable::Kept& kept) { return live.mark(kept); }));
    TRY(mark_by_use(live));
    TRY_ASSIGN(Plan planned, plan(live, files));
    if (policy_.dry == CollectPolicy::Dry::yes) {
        TRY(count(planned));
    } else {
        TRY(cut(collection, live, planned));
        TRY(remove_files(planned.removal.objects));
        TRY(remove_files(planned.leftovers));
        TRY(remove_unpacked(collection, live, planned.unpacked));
        TRY(delete_trash());
    }
    TRY_ASSIGN(std::uint64_t total, remove_partials());
    for (const Object& object : live.objects()) {
        total += object.size_bytes;
    }
    for (const Object& file : planned.leftovers) {
        total += file.size_bytes;
    }
    report_.kept_bytes = total - std::min(total, report_.freed_bytes);
    return report_;
}

Result<std::vector<Object>> Collector::list_files() {
    std::vector<Object> files;
    for (const ObjectFolder* const folder : state_.folders()) {
        TRY_ASSIGN(const auto names, list_directory(folder->directory()));
        for (const std::string& text : names) {
            TRY(check(stop_));
            const auto name = Digest::parse_hex(text);
            if (name) {  // other names are somebody else's
                files.push_back({.kind = folder->kind(), .name = *name});
            }
        }
    }
    return files;
}

/// Cache records from the latest use back, then contexts, as far as age and size allow.
Result<void> Collector::mark_by_use(LiveSet& live) {
    const UnixSeconds now = state_.options.clock.now();
    const UnixSeconds oldest =
        policy_.keep_age_seconds ? now - *policy_.keep_age_seconds : INT64_MIN;
    const std::uint64_t room = policy_.keep_size_bytes.value_or(UINT64_MAX);
    std::uint64_t used = live.size_bytes();
    const auto mark_latest = [&](const std::vector<LastUse>& latest_first) {
        for (const LastUse& use : latest_first) {
            if (use.used < oldest) {
                break;
            }
            const std::vector<Digest> marked = live.mark(use.name);
            const std::uint64_t size_bytes = live.size_bytes(marked);
            if (size_bytes > 0 && used + size_bytes > room) {
                live.unmark(marked);
                break;
            }
            used += size_bytes;
        }
    };
    TRY_ASSIGN(const auto cache, state_.index->cache_uses());
    mark_latest(cache);
    TRY_ASSIGN(const auto contexts, state_.index->context_uses());
    mark_latest(contexts);
    return {};
}

Result<Plan> Collector::plan(const LiveSet& live, const std::vector<Object>& files) {
    Plan plan;
    for (const auto& [listing, packs] : live.contexts()) {
        if (!live.holds(listing)) {
            plan.removal.contexts.push_back(listing);
        }
    }
    for (const CacheRecord& record : cache_) {
        if (!live.holds(record.key)) {
            plan.removal.cache.push_back(record.key);
        }
    }
    for (const LayerFacts& layer : live.layers()) {
        if (!live.holds(layer.diff_id)) {
            plan.removal.layers.push_back(layer.diff_id);
        }
    }
    std::set<std::pair<ObjectKind, Digest>> known;
    for (const Object& object : live.objects()) {
        known.emplace(object.kind, object.name);
        if (!live.holds(object.name)) {
            plan.removal.objects.push_back(object);
        }
    }
    for (Object file : files) {
        if (known.contains({file.kind, file.name}) || live.holds(file.name)) {
            continue;
        }
        const int directory = state_.folder(file.kind).directory();
        TRY_ASSIGN(const auto facts, stat_at(directory, file.name.hex()));
        if (facts) {
            file.size_bytes = static_cast<std::uint64_t>(facts->st_size);
            plan.leftovers.push_back(file);
        }
    }
    if (policy_.keep_age_seconds) {
        plan.removal.slots_unused_since = state_.options.clock.now() - *policy_.keep_age_seconds;
    }
    if (state_.options.unpacked.remove) {
        TRY_ASSIGN(const auto names, list_directory(state_.directories.unpacked.get()));
        for (const std::string& text : names) {
            const auto name = Digest::parse_hex(text);
            if (name && !live.holds(*name)) {
                plan.unpacked.push_back(*name);
            }
        }
    }
    return plan;
}

void Collector::count_object(const Object& object) {
    switch (object.kind) {
        case ObjectKind::blob:
            ++report_.blobs;
            break;
        case ObjectKind::table:
            ++report_.tables;
            break;
        case ObjectKind::pack:
            ++report_.packs;
            break;
    }
    report_.freed_bytes += object.size_bytes;
}

Result<void> Collector::count(const Plan& plan) {
    report_.contexts = plan.removal.contexts.size();
    report_.cache_records = plan.removal.cache.size();
    report_.layers = plan.removal.layers.size();
    for (const Object& object : plan.removal.objects) {
        count_object(object);
    }
    for (const Object& file : plan.leftovers) {
        count_object(file);
    }
    for (const Digest& diff_id : plan.unpacked) {
        TRY_ASSIGN(const std::uint64_t size, state_.options.unpacked.size_bytes(diff_id));
        ++report_.unpacked;
        report_.freed_bytes += size;
    }
    return {};
}

/// Everything that goes stops being there at once: with anything left of it, a manifest could be
/// found, and named, whose layers are gone. Whoever wants to keep something waits meanwhile: as
/// long as one transaction takes. The rows go before the files, durably: a crash leaves files
/// without a row and never the reverse.
Result<void> Collector::cut(LeaseTable::Collection& collection, LiveSet& live, Plan& plan) {
    TRY(check(stop_));
    Removal& removal = plan.removal;
    const auto cut_now = [&](const LeaseTable::Kept& kept) -> Result<void> {
        TRY(live.mark(kept));
        const auto lives = [&](const Digest& name) { return live.holds(name); };
        std::erase_if(removal.contexts, lives);
        std::erase_if(removal.cache, lives);
        std::erase_if(removal.layers, lives);
        const auto object_lives = [&](const Object& object) { return lives(object.name); };
        std::erase_if(removal.objects, object_lives);
        TRY(state_.index->remove(removal));
        for (const Object& object : removal.objects) {
            state_.forget_fresh(object);
        }
        return {};
    };
    TRY(collection.with_kept(cut_now));
    report_.contexts = removal.contexts.size();
    report_.cache_records = removal.cache.size();
    report_.layers = removal.layers.size();
    return {};
}

Result<void> Collector::remove_files(const std::vector<Object>& gone) {
    for (const Object& object : gone) {
        TRY(check(stop_));
        const int trash = state_.directories.temporary.get();
        TRY_ASSIGN(const bool removed, state_.folder(object.kind).retire(object.name, trash));
        if (removed) {
            count_object(object);
        }
    }
    return {};
}

Result<void> Collector::remove_unpacked(
    LeaseTable::Collection& collection, LiveSet& live, const std::vector<Digest>& gone
) {
    for (const Digest& diff_id : gone) {
        TRY(check(stop_));
        TRY_ASSIGN(const std::uint64_t size, state_.options.unpacked.size_bytes(diff_id));
        const auto remove = [&](const LeaseTable::Kept& kept) -> Result<void> {
            TRY(live.mark(kept));
            if (live.holds(diff_id)) {
                return {};
            }
            TRY(state_.options.unpacked.remove(diff_id));
            ++report_.unpacked;
            report_.freed_bytes += size;
            return {};
        };
        TRY(collection.with_kept(remove));
    }
    return {};
}

/// Parts of blobs that nobody is fetching may be as old as the cache. What all of them took.
Result<std::uint64_t> Collector::remove_partials() {
    std::uint64_t total = 0;
    TRY_ASSIGN(const auto parts, state_.partials.idle());
    for (const Partials::Part& part : parts) {
        total += part.size_bytes;
        const bool is_kept =
            policy_.keep_age_seconds
            && part.written >= state_.options.clock.now() - *policy_.keep_age_seconds;
        if (is_kept) {
            continue;
        }
        bool gone = policy_.dry == CollectPolicy::Dry::yes;
        if (!gone) {
            TRY_ASSIGN(gone, state_.partials.discard(part.name));
        }
        if (gone) {
            count_object(
                {.kind = ObjectKind::blob, .name = part.name, .size_bytes = part.size_bytes}
            );
        }
    }
    return total;
}

/// Deleting a large file takes long, so it happens when nobody waits for it.
Result<void> Collector::delete_trash() {
    const int trash = state_.directories.temporary.get();
    TRY_ASSIGN(const auto names, list_directory(trash));
    for (const std::string& name : names) {
        if (name.starts_with(k_trash_prefix)) {
            TRY(state_.files.unlink(trash, name));
        }
    }
    return {};
}

}  // namespace

Result<CollectReport> Store::collect(const CollectPolicy& policy, const std::stop_token& stop) {
    const std::lock_guard lock(state_->collecting);
    TRY(write_uses());
    return Collector(*state_, policy, stop).run();
}

Result<Usage> Store::usage() {
    const std::lock_guard lock(state_->collecting);
    LeaseTable::Collection collection(state_->leases);
    TRY_ASSIGN(LiveSet live, LiveSet::load(*state_));
    Usage usage;
    std::map<std::pair<ObjectKind, Digest>, std::uint64_t> sizes;
    for (const Object& object : live.objects()) {
        sizes[{object.kind, object.name}] = object.size_bytes;
        usage.total_bytes += object.size_bytes;
        if (object.kind == ObjectKind::pack) {
            usage.contexts.size_bytes += object.size_bytes;
        }
    }
    for (const LayerFacts& layer : live.layers()) {
        ++usage.layers.count;
        usage.layers.size_bytes += sizes[{ObjectKind::table, layer.diff_id}];
        for (const Dress& dress : layer.dresses) {
            usage.layers.size_bytes += dress.size_bytes;
        }
    }
    for (const auto& [listing, packs] : live.contexts()) {
        ++usage.contexts.count;
        usage.contexts.size_bytes += sizes[{ObjectKind::table, listing}];
    }
    TRY_ASSIGN(const auto parts, state_->partials.idle());
    for (const Partials::Part& part : parts) {
        usage.total_bytes += part.size_bytes;
    }
    TRY_ASSIGN(const std::vector<Ref> refs, state_->index->refs());
    TRY(live.mark(refs));
    TRY(mark_environments(live, *state_->index));
    TRY(collection.with_kept([&](const LeaseTable::Kept& kept) { return live.mark(kept); }));
    usage.refs = {.count = refs.size(), .size_bytes = live.size_bytes()};
    TRY_ASSIGN(const auto cache, state_->index->cache_uses());
    for (const LastUse& use : cache) {
        ++usage.cache.count;
        usage.cache.size_bytes += live.size_bytes(live.mark(use.name));
    }
    for (const auto& [listing, packs] : live.contexts()) {
        live.mark(listing);
    }
    usage.reclaimable_bytes = usage.total_bytes - live.size_bytes();
    return usage;
}

}  // namespace kiln::store
