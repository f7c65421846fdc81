#pragma once

#include "daemon/build/conda_environment.hpp"
#include "daemon/services.hpp"

namespace kiln::daemon {

/// Downloads packages of locks into the store: https anywhere, plain http from loopback only. What
/// a URL gave is remembered by URL and hash, so that it is fetched once and never again. Errors
/// permission for plain http elsewhere; not_found and upstream as the server says; digest_mismatch.
FetchPackage fetcher(Services& services, std::shared_ptr<Job> job);

/// The record by which a package of a lock stays in the store and is found again.
store::CacheRecord kept_package(const conda::LockEntry& entry, const Digest& package);

/// The record that takes its place where the bytes proved not to be a package, or not this one: it
/// is fetched again next time.
store::CacheRecord forgotten_package(const conda::LockEntry& entry);
/// The package of a lock that the store has, by its sha256 or else by such a record; nullopt: it
/// has none. Thread   the pool.
Result<std::optional<Digest>> find_kept_package(
    store::Store& store, const store::Lease& lease, const conda::LockEntry& entry
);

}  // namespace kiln::daemon
