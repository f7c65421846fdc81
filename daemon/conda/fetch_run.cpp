#include "daemon/conda/fetch_run.hpp"

#include "daemon/build/conda_packages.hpp"
#include "daemon/build/fetch.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/pip/install.hpp"

namespace kiln::daemon {
namespace {

/// Found, held against their hashes, and kept by one transaction.
Result<void> keep_all(
    store::Store& store,
    const CondaPackages& packages,
    const std::vector<conda::LockEntry>& entries,
    const std::stop_token& stop
) {
    store::Batch batch;
    for (const conda::LockEntry& entry : entries) {
        if (stop.stop_requested()) {
            return fail(Code::cancelled, "cancelled");
        }
        TRY_ASSIGN(const Digest package, packages.find(entry));
        batch.cache.push_back(kept_package(entry, package));
    }
    return store.record(batch);
}

}  // namespace

boost::asio::awaitable<Result<void>> fetch_packages(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const CondaContext> context
) {
    const store::Lease lease = services.store.lease();
    auto parse = [context]() -> Result<std::vector<conda::LockEntry>> {
        TRY_ASSIGN(const conda::Lock lock, read_lock(*context));
        return conda::files_of(lock);
    };
    const auto entries = co_await run_on(services.pool, std::move(parse));
    if (!entries) {
        co_return fail(entries.error());
    }
    CondaPackages packages(services, *context, lease, fetcher(services, job), job->stop_token());
    const auto fetched = co_await packages.fetch(*entries);
    if (!fetched) {
        co_return fetched;
    }
    auto keep = [&] { return keep_all(services.store, packages, *entries, job->stop_token()); };
    co_return co_await run_on(services.pool, std::move(keep));
}

}  // namespace kiln::daemon
