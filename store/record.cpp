// Store::record(): durable before visible.

#include "store/base/parallel.hpp"
#include "store/root_layout.hpp"
#include "store/store.hpp"
#include "store/store_state.hpp"

#include <utility>

namespace kiln::store {
namespace {

/// What the batch names, by kind.
struct Named {
    std::array<std::set<Digest>, 3> objects;
    std::map<Digest, std::set<Digest>> packs_of_context;

    std::set<Digest>& of(ObjectKind kind) { return objects.at(static_cast<std::size_t>(kind)); }
};

/// Keeps all that the batch names, so that from here on the collector leaves it alone.
Result<Named> keep_named(Store::State& state, const Batch& batch, const Lease& lease) {
    Named named;
    std::set<Digest>& blobs = named.of(ObjectKind::blob);
    std::set<Digest>& tables = named.of(ObjectKind::table);
    std::set<Digest>& packs = named.of(ObjectKind::pack);
    blobs.insert(batch.blobs.begin(), batch.blobs.end());
    tables.insert(batch.tables.begin(), batch.tables.end());
    packs.insert(batch.packs.begin(), batch.packs.end());
    for (const LayerFacts& layer : batch.layers) {
        tables.insert(layer.diff_id);
        for (const Dress& dress : layer.dresses) {
            blobs.insert(dress.digest);
        }
    }
    for (const CacheRecord& record : batch.cache) {
        lease.keep(record.key);
        if (record.diff_id) {
            lease.keep(*record.diff_id);
        }
        blobs.insert(record.blobs.begin(), record.blobs.end());
    }
    for (const Ref& ref : batch.refs) {
        lease.keep(ref.target);
        blobs.insert(ref.target.digest);
    }
    for (const Referrer& referrer : batch.referrers) {
        lease.keep(referrer.subject);
        blobs.insert(referrer.manifest.digest);
        blobs.insert(referrer.blobs.begin(), referrer.blobs.end());
    }
    for (const ContextRecord& context : batch.contexts) {
        tables.insert(context.listing);
        const auto keep = [&](const Digest& pack) { lease.keep(pack); };
        TRY_ASSIGN(ContentSearch search, state.packs.search_and_keep(context.contents, keep));
        if (!search.missing.empty()) {
            return fail(
                Code::not_found, "content {} is not in the store", search.missing.front().render()
            );
        }
        packs.insert(search.packs.begin(), search.packs.end());
        named.packs_of_context[context.listing] = std::move(search.packs);
    }
    for (const std::set<Digest>& digests : named.objects) {
        for (const Digest& digest : digests) {
            lease.keep(digest);
        }
    }
    return named;
}

/// Of what is named, what is not durable yet. Errors   not_found.
Result<std::vector<Object>> find_pending(Store::State& state, Named& named, const Batch& batch) {
    std::vector<Object> pending;
    for (const ObjectFolder* const folder : state.folders()) {
        for (const Digest& name : named.of(folder->kind())) {
            TRY_ASSIGN(const auto object, folder->find(name));
            if (!object) {
                return fail(
                    Code::not_found,
                    "{} {} is not in the store",
                    kind_name(folder->kind()),
                    name.render()
                );
            }
            if (folder->find_fresh(name)) {
                pending.push_back(*object);
            }
        }
    }
    // A ref's manifest leads to blobs that the batch need not spell out.
    for (const Ref& ref : batch.refs) {
        TRY_ASSIGN(
            const auto reached, reached_from(state.blobs, state.options.reaches, ref.target)
        );
        for (const Digest& digest : reached) {
            const auto fresh = state.blob_folder.find_fresh(digest);
            if (fresh && named.of(ObjectKind::blob).insert(digest).second) {
                pending.push_back(*fresh);
            }
        }
    }
    return pending;
}

Result<void> make_durable(Store::State& state, const std::vector<Object>& pending) {
    const auto sync_one = [&](std::size_t i) -> Result<void> {
        const Object& object = pending[i];
        auto synced = state.folder(object.kind).sync(object.name);
        if (!synced) {
            // After a failed sync the kernel may call the pages clean: never trust the file again.
            state.forget_fresh(object);
        }
        TRY(synced, "while syncing {} {}", kind_name(object.kind), object.name.render());
        return {};
    };
    TRY(parallel_each(state.options.pool, pending.size(), sync_one));
    for (ObjectFolder* const folder : state.folders()) {
        const auto here = [&](const Object& object) { return object.kind == folder->kind(); };
        if (std::any_of(pending.begin(), pending.end(), here)) {
            TRY(folder->sync_directory());
        }
    }
    return {};
}

}  // namespace

Result<void> Store::record(const Batch& batch) {
    State& state = *state_;
    const Lease own = lease();
    TRY_ASSIGN(Named named, keep_named(state, batch, own));
    TRY_ASSIGN(std::vector<Object> pending, find_pending(state, named, batch));
    TRY(make_durable(state, pending));

    Transaction transaction{
        .batch = batch,
        .objects = std::move(pending),
        .contents = {},
        .packs_of_context = std::move(named.packs_of_context),
        .now = state.options.clock.now()};
    for (const Object& object : transaction.objects) {
        if (object.kind == ObjectKind::pack) {
            transaction.contents.merge(state.packs.fresh_contents(object.name));
        }
    }
    TRY(state.index->apply(transaction));
    for (const Object& object : transaction.objects) {
        state.forget_fresh(object);
    }
    if (!batch.refs.empty() || !batch.removed_refs.empty() || !batch.referrers.empty()) {
        // The record is made; a file that could not follow does so at the next change or start.
        static_cast<void>(state.follow_names());
    }
    if (!batch.refs.empty()) {
        const std::lock_guard watching(state.watching);
        if (state.names_set) {
            state.names_set(batch.refs);
        }
    }
    return {};
}

void Store::watch_names(NamesSet watch) {
    const std::lock_guard watching(state_->watching);
    state_->names_set = std::move(watch);
}

}  // namespace kiln::store
