#include "daemon/build/context_table.hpp"

#include "daemon/build/source_tree.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/table_of_contents.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

std::vector<Digest> contents_of(const TableOfContents& listing) {
    std::vector<Digest> contents;
    for (std::size_t i = 0; i < listing.size(); ++i) {
        const TableRow row = listing.row(i);
        if (row.entry.type == tar::EntryType::file) {
            contents.push_back(row.content);
        }
    }
    return contents;
}

}  // namespace

boost::asio::awaitable<Result<bool>> ContextTable::has(Digest listing) {
    services_.store.leases().keep_for(listing, k_kept_seconds);
    if (fresh_.contains(listing)) {
        co_return true;
    }
    auto look = [this, listing] { return services_.store.index().has_context(listing); };
    co_return co_await run_on(services_.pool, std::move(look));
}

boost::asio::awaitable<Result<ContextTable::Taken>> ContextTable::take(Bytes listing) {
    auto work = [this, bytes = std::move(listing)]() -> Result<Taken> {
        store::Store& store = services_.store;
        const store::Lease lease = store.lease();
        Taken taken{.digest = digest_of(ByteSpan(bytes)), .missing = {}};
        store.leases().keep_for(taken.digest, k_kept_seconds);
        TRY_ASSIGN(
            const auto table, TableOfContents::open(Bytes(bytes)), "while reading the listing"
        );
        TRY(store.tables().put(taken.digest, bytes, lease));
        const std::vector<Digest> contents = contents_of(*table);
        const auto keep = [&](const Digest& pack) {
            store.leases().keep_for(pack, k_kept_seconds);
        };
        TRY_ASSIGN(auto search, store.packs().search_and_keep(contents, keep));
        taken.missing = std::move(search.missing);
        return taken;
    };
    auto taken = co_await run_on(services_.pool, std::move(work));
    if (taken && taken->missing.empty()) {
        fresh_.insert(taken->digest);
    }
    co_return taken;
}

boost::asio::awaitable<Result<bool>> ContextTable::complete(Digest listing) {
    auto work = [this, listing]() -> Result<bool> {
        TRY_ASSIGN(const auto table, open_table(services_.store, listing));
        TRY_ASSIGN(const auto search, services_.store.packs().search(contents_of(*table)));
        return search.missing.empty();
    };
    auto all_there = co_await run_on(services_.pool, std::move(work));
    if (all_there && *all_there) {
        fresh_.insert(listing);
    }
    co_return all_there;
}

void ContextTable::settle(const Digest& listing) {
    if (!fresh_.contains(listing)) {
        return;
    }
    services_.waiters.submit([this, listing] {
        auto settled = [&]() -> Result<void> {
            TRY_ASSIGN(const auto table, open_table(services_.store, listing));
            return services_.store.record(store::Batch{.contexts = {{listing, contents_of(*table)}}}
            );
        }();
        if (!settled) {
            services_.log.warning("context_not_kept", {{"error", settled.error().render()}});
        }
        boost::asio::post(services_.loop, [this, listing] { fresh_.erase(listing); });
    });
}

}  // namespace kiln::daemon
