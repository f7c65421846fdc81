#include "store/collector.hpp"

#include "store/base/stop.hpp"
#include "store/live_set.hpp"
#include "store/store_state.hpp"

#include <algorithm>
#include <utility>

namespace kiln::store {
namespace {

/// What goes in one step, while whoever wants to keep something waits: a few milliseconds.
constexpr std::size_t k_step = 256;

struct Plan {
    Removal removal;
    std::vector<Object> leftovers;  // files that neither the index nor this process knows
    std::vector<Digest> unpacked;
};

/// What a sweep goes by.
struct Sweep {
    LeaseTable::Collection& collection;
    LiveSet& live;
};

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
    Result<void> sweep(Sweep sweep, const Plan& plan);
    Result<void> sweep_rows(Sweep& sweep, const Removal& removal);
    Result<void> sweep_files(Sweep& sweep, const Plan& plan);
    Result<void> sweep_unpacked(Sweep& sweep, const std::vector<Digest>& gone);
    template<class T, class Name, class Remove>
    Result<void> in_steps(
        Sweep& sweep, const std::vector<T>& all, const Name& name, const Remove& remove
    );
    Result<void> delete_trash();
    void count_object(const Object& object);

    Store::State& state_;
    const CollectPolicy& policy_;
    const std::stop_token& stop_;
    CollectReport report_;
    std::vector<CacheRecord> cache_;
};

/// Takes the next few of `all` that are still not live.
template<class T, class Name>
std::vector<T> take_step(
    const std::vector<T>& all, std::size_t& next, const LiveSet& live, const Name& name
) {
    std::vector<T> taken;
    for (; next < all.size() && taken.size() < k_step; ++next) {
        if (!live.holds(name(all[next]))) {
            taken.push_back(all[next]);
        }
    }
    return taken;
}

const Digest& own_name(const Digest& digest) {
    return digest;
}

Result<CollectReport> Collector::run() {
    LeaseTable::Collection collection(state_.leases);
    // Files before the index: what is published in between is known, not left over.
    TRY_ASSIGN(const std::vector<Object> files, list_files());
    TRY_ASSIGN(LiveSet live, LiveSet::load(state_));
    TRY_ASSIGN(cache_, state_.index->cache());
    TRY_ASSIGN(const std::vector<Ref> refs, state_.index->refs());
    TRY(live.mark(refs));
    TRY(collection.with_kept([&](const LeaseTable::Kept& kept) { return live.mark(kept); }));
    TRY(mark_by_use(live));
    TRY_ASSIGN(const Plan planned, plan(live, files));
    if (policy_.dry == CollectPolicy::Dry::yes) {
        TRY(count(planned));
    } else {
        TRY(sweep({.collection = collection, .live = live}, planned));
        TRY(delete_trash());
    }
    std::uint64_t total = 0;
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

/// One step at a time: what was kept meanwhile lives too; the rest goes.
template<class T, class Name, class Remove>
Result<void> Collector::in_steps(
    Sweep& sweep, const std::vector<T>& all, const Name& name, const Remove& remove
) {
    std::size_t next = 0;
    const auto step = [&](const LeaseTable::Kept& kept) -> Result<void> {
        TRY(sweep.live.mark(kept));
        return remove(take_step(all, next, sweep.live, name));
    };
    while (next < all.size()) {
        TRY(check(stop_));
        TRY(sweep.collection.with_kept(step));
    }
    return {};
}

Result<void> Collector::sweep(Sweep sweep, const Plan& plan) {
    TRY(sweep_rows(sweep, plan.removal));
    TRY(sweep_files(sweep, plan));
    if (plan.removal.slots_unused_since) {
        TRY(state_.index->remove({.slots_unused_since = plan.removal.slots_unused_since}));
    }
    return sweep_unpacked(sweep, plan.unpacked);
}

/// From what leads on to what is led to, so that nothing ever leads into the void.
Result<void> Collector::sweep_rows(Sweep& sweep, const Removal& removal) {
    const auto contexts = [&](std::vector<Digest> gone) {
        report_.contexts += gone.size();
        return state_.index->remove({.contexts = std::move(gone)});
    };
    TRY(in_steps(sweep, removal.contexts, own_name, contexts));
    const auto cache = [&](std::vector<Digest> gone) {
        report_.cache_records += gone.size();
        return state_.index->remove({.cache = std::move(gone)});
    };
    TRY(in_steps(sweep, removal.cache, own_name, cache));
    const auto layers = [&](std::vector<Digest> gone) {
        report_.layers += gone.size();
        return state_.index->remove({.layers = std::move(gone)});
    };
    return in_steps(sweep, removal.layers, own_name, layers);
}

/// The rows go first, durably, and then the files: a crash in between leaves files without a row
/// and never the reverse.
Result<void> Collector::sweep_files(Sweep& sweep, const Plan& plan) {
    const auto name = [](const Object& object) -> const Digest& { return object.name; };
    const auto remove_files = [&](const std::vector<Object>& gone) -> Result<void> {
        for (const Object& object : gone) {
            TRY(state_.remove_file(object));
            count_object(object);
        }
        return {};
    };
    const auto remove_objects = [&](const std::vector<Object>& gone) -> Result<void> {
        TRY(state_.index->remove({.objects = gone}));
        return remove_files(gone);
    };
    TRY(in_steps(sweep, plan.removal.objects, name, remove_objects));
    return in_steps(sweep, plan.leftovers, name, remove_files);
}

Result<void> Collector::sweep_unpacked(Sweep& sweep, const std::vector<Digest>& gone) {
    for (const Digest& diff_id : gone) {
        TRY(check(stop_));
        TRY_ASSIGN(const std::uint64_t size, state_.options.unpacked.size_bytes(diff_id));
        const auto remove = [&](const LeaseTable::Kept& kept) -> Result<void> {
            TRY(sweep.live.mark(kept));
            if (sweep.live.holds(diff_id)) {
                return {};
            }
            TRY(state_.options.unpacked.remove(diff_id));
            ++report_.unpacked;
            report_.freed_bytes += size;
            return {};
        };
        TRY(sweep.collection.with_kept(remove));
    }
    return {};
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
    TRY_ASSIGN(const std::vector<Ref> refs, state_->index->refs());
    TRY(live.mark(refs));
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
