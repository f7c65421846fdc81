#pragma once

#include "daemon/build/request.hpp"
#include "daemon/services.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/lockfile.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Brings the package behind a URL of a lock into the store; its sha256. A coroutine of the loop.
using FetchPackage = std::function<boost::asio::awaitable<Result<Digest>>(
    const conda::LockEntry& entry, const store::Lease& lease
)>;

/// What is told of a package that cannot be read: other failures stay as they are. `is_checked`:
/// its bytes are those that the lock has the hash of, so that fetching it again changes nothing.
Error damaged_package(Error error, const std::string& file_name, bool is_checked);

/// The lock of a context, in whatever form, for the platform of this host.
/// Errors   those of conda::read_conda_lock() and conda::pip_files().
Result<conda::Lock> read_lock(const CondaContext& context);
/// The same; nullopt: a specification, which must be resolved first.
Result<std::optional<conda::Lock>> read_lock_if_resolved(const CondaContext& context);

/// The packages that a lock names: found in the store, among what the client sent, or fetched; held
/// against their hashes, and read once for what they say of themselves.
/// Thread   fetch() on the loop, then read() on any thread of a pool, several at once.
class CondaPackages {
  public:
    CondaPackages(
        Services& services,
        const CondaContext& context,
        const store::Lease& lease,
        FetchPackage fetch,
        std::stop_token stop
    )
        : services_(services),
          context_(context),
          lease_(lease),
          fetch_(std::move(fetch)),
          stop_(std::move(stop)) {}

    /// The packages behind URLs: what the store has is never fetched. `entries` outlive this.
    boost::asio::awaitable<Result<void>> fetch(const std::vector<conda::LockEntry>& entries);
    /// Which blob it is, held against the lock's hashes. Errors   as read().
    [[nodiscard]] Result<Digest> find(const conda::LockEntry& entry) const;
    /// Errors   not_found, digest_mismatch, corrupt, with the place in the lock.
    [[nodiscard]] Result<std::vector<conda::EnvironmentPackage>> read(
        std::span<const conda::LockEntry> entries
    );
    /// Whether read() learnt of packages what no build before did.
    [[nodiscard]] bool has_news() const;
    /// Makes that durable, and known to later builds: a wait for the disk.
    [[nodiscard]] Result<void> remember() const;

  private:
    Result<std::vector<const conda::LockEntry*>> find_missing(
        const std::vector<conda::LockEntry>& entries
    );
    boost::asio::awaitable<Result<void>> fetch_into(const conda::LockEntry& entry);
    [[nodiscard]] Result<Digest> locate(const conda::LockEntry& entry) const;
    Result<conda::EnvironmentPackage> read_one(const conda::LockEntry& entry);
    [[nodiscard]] Result<std::string> md5_of(const Digest& package) const;
    /// `size_bytes`: of the package, where whoever asks knows it.
    [[nodiscard]] Result<void> check_hashes(
        const conda::LockEntry& entry,
        const Digest& package,
        std::optional<std::uint64_t> size_bytes = std::nullopt
    ) const;
    [[nodiscard]] Result<void> forget_if_wrong(const conda::LockEntry& entry, const Error& error)
        const;
    /// From memory, the store, or the package itself.
    Result<conda::PackageMetadata> metadata_of(
        const Digest& package, const conda::LockEntry& entry
    );

    Services& services_;
    const CondaContext& context_;
    const store::Lease& lease_;
    FetchPackage fetch_;
    std::stop_token stop_;
    std::map<std::string, Digest> fetched_;  // by the entry as it is written in the lock
    mutable std::mutex learning_;
    std::vector<store::CacheRecord> learnt_;
};

}  // namespace kiln::daemon
