#include "daemon/build/context_table.hpp"

#include "daemon/build/source_tree.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/table_of_contents.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::daemon {

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

namespace {

/// What of a context was sent, as a context of its own: the next build that lends the same files
/// finds the others here.
Result<void> record_rest(
    store::Store& store, const TableOfContents& listing, const LentFiles& lent
) {
    std::vector<TableRow> rows;
    for (std::size_t i = 0; i < listing.size(); ++i) {
        TableRow row = listing.row(i);
        if (row.entry.type == tar::EntryType::file && !lent.contains(row.content)) {
            rows.push_back(std::move(row));
        }
    }
    if (rows.empty()) {
        return {};
    }
    const Bytes rest = TableOfContents::render(rows);
    const Digest name = digest_of(ByteSpan(rest));
    const store::Lease lease = store.lease();
    lease.keep(name);
    TRY(store.tables().put(name, rest, lease));
    TRY_ASSIGN(const auto table, TableOfContents::open(Bytes(rest)));
    return store.record(store::Batch{.contexts = {{name, contents_of(*table)}}});
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

void ContextTable::lend(const Digest& listing, LentFiles files) {
    end_loan(listing);
    if (lent_order_.size() == k_lent_contexts) {
        end_loan(Digest(lent_order_.front()));
    }
    lent_.emplace(listing, std::make_shared<const LentFiles>(std::move(files)));
    lent_order_.push_back(listing);
}

std::shared_ptr<const LentFiles> ContextTable::lent(const Digest& listing) const {
    const auto found = lent_.find(listing);
    return found == lent_.end() ? nullptr : found->second;
}

void ContextTable::end_loan(const Digest& listing) {
    if (lent_.erase(listing) > 0) {
        std::erase(lent_order_, listing);
        fresh_.erase(listing);
    }
}

boost::asio::awaitable<Result<bool>> ContextTable::complete(Digest listing) {
    auto work = [this, listing, lent = lent(listing)]() -> Result<bool> {
        TRY_ASSIGN(const auto table, open_table(services_.store, listing));
        TRY_ASSIGN(const auto search, services_.store.packs().search(contents_of(*table)));
        return std::ranges::all_of(search.missing, [&](const Digest& content) {
            return lent && lent->contains(content);
        });
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
    const auto files = lent(listing);
    end_loan(listing);
    services_.waiters.submit([this, listing, files] {
        auto settled = [&]() -> Result<void> {
            TRY_ASSIGN(const auto table, open_table(services_.store, listing));
            if (files) {
                return record_rest(services_.store, *table, *files);
            }
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
