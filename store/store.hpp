#pragma once

#include "store/base/clock.hpp"
#include "store/base/pool.hpp"
#include "store/blob_store.hpp"
#include "store/collector.hpp"
#include "store/environments.hpp"
#include "store/file_layer.hpp"
#include "store/index.hpp"
#include "store/lease.hpp"
#include "store/packs.hpp"
#include "store/partials.hpp"
#include "store/tables.hpp"
#include "store/verify.hpp"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace kiln::store {

/// Bytes in use, for `kiln df`. A byte may serve several: the parts do not add up to the total.
struct Usage {
    struct Part {
        std::uint64_t count = 0;
        std::uint64_t size_bytes = 0;
    };

    Part refs;      // and all that they reach
    Part layers;    // dresses and tables
    Part contexts;  // listings and packs
    Part cache;     // records, and what only they and contexts keep
    std::uint64_t total_bytes = 0;
    std::uint64_t reclaimable_bytes = 0;  // what nothing keeps: collect() without limits frees it
};

struct StoreOptions {
    std::string root;
    ThreadPool& pool;
    const Clock& clock;
    Reaches reaches = {};         // nothing when absent
    UnpackedHooks unpacked = {};  // nothing is unpacked when absent
    FileLayer* files = nullptr;   // the kernel's when absent; outlives the store
    const char* sqlite_vfs = nullptr;
};

/// The daemon's root directory: a valid OCI image layout (oci-layout, index.json, blobs/sha256)
/// that other tools read in place, with all of kiln's own below kiln/. One process at a time.
/// The rule of use is: lease, then keep or commit, then record() while the lease is open.
/// Thread   any; every call may block, so call it from the pool.
class Store {
  public:
    /// Makes the root when it is not there; cleans what a crash left.
    /// Errors   conflict, naming the pid, when another daemon has the root.
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    [[nodiscard]] BlobStore& blobs();
    [[nodiscard]] Tables& tables();
    [[nodiscard]] Packs& packs();
    [[nodiscard]] Partials& partials();
    [[nodiscard]] const Index& index() const;
    [[nodiscard]] Environments environments();
    [[nodiscard]] LeaseTable& leases();

    [[nodiscard]] Lease lease() { return leases().open(); }

    /// Durable before visible: syncs exactly the blobs, tables and packs that the batch names (or
    /// that its refs reach) and that are not durable, then their directories, then commits one
    /// transaction. All of it or nothing; on return it survives a power cut.
    /// Errors   not_found when it names what is not in the store; those of the disk.
    Result<void> record(const Batch& batch);

    /// Called after names were set, with them; one at a time, from whatever thread did it. Replaces
    /// the one before, and returns once that is not running: an empty one ends it.
    using NamesSet = std::function<void(const std::vector<Ref>& refs)>;
    void watch_names(NamesSet watch);

    /// Cache keys, diff_ids and listings that a build used, written later in one go: a rebuild
    /// in which nothing changed writes nothing else.
    void used(const Digest& digest);
    Result<void> write_uses();

    Result<CollectReport> collect(const CollectPolicy& policy, const std::stop_token& stop);
    /// Hashes every byte. Repair::yes moves what is bad to kiln/quarantine and forgets it, so that
    /// the next build makes it anew.
    Result<VerifyReport> verify(Repair repair, const std::stop_token& stop);
    [[nodiscard]] Result<Usage> usage();

    [[nodiscard]] const std::string& root() const;
    /// kiln/unpacked, the executor's: one directory a layer, named by the hex of its diff_id.
    [[nodiscard]] int unpacked_directory() const;
    [[nodiscard]] std::string unpacked_path() const;
    /// A directory on the store's file system for unnamed temporary files (O_TMPFILE).
    [[nodiscard]] Result<Fd> open_scratch() const;

    struct State;  // store_state.hpp: for the parts of the store only

  private:
    explicit Store(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace kiln::store
