#pragma once

#include "store/base/clock.hpp"
#include "store/descriptor.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace kiln::store {

class LeaseTable;

/// Keeps what unfinished work has made or uses. Opened before the first byte; ends with the object.
/// The rule is *keep, then look*: what is there after keep() stays until the lease ends. A kept
/// digest keeps whatever it names (blob, layer by diff_id, cache record by key, listing) and all
/// that this reaches; a kept descriptor also what the manifest behind it reaches.
/// In memory only: after a kill nothing of an unfinished lease is protected.
/// Thread   keep() from any.
class Lease {
  public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();

    void keep(const Digest& digest) const;
    void keep(const Descriptor& descriptor) const;

  private:
    friend class LeaseTable;

    Lease(LeaseTable& table, std::uint64_t id)
        : table_(&table),
          id_(id) {}

    LeaseTable* table_;
    std::uint64_t id_;
};

/// All leases of one store; outlives them.
/// Thread   any.
class LeaseTable {
  public:
    explicit LeaseTable(const Clock& clock)
        : clock_(clock) {}

    Lease open();
    /// For what a client uploads before its build names it: kept for so long without a lease.
    void keep_for(const Digest& digest, UnixSeconds seconds);

    struct Kept {
        std::set<Digest> digests;
        std::map<Digest, Descriptor> descriptors;
    };

    /// The collector's view. It learns of everything kept before or during its run and never of an
    /// end: a lease that ends between mark and sweep must not undo a record() made under it.
    class Collection {
      public:
        explicit Collection(LeaseTable& table);
        Collection(const Collection&) = delete;
        Collection& operator=(const Collection&) = delete;
        ~Collection();

        /// Runs `step` with what was kept since the last call (at first: all of it). Every keep()
        /// waits meanwhile, so what the step removes was not kept, and who keeps it later will look
        /// and not find it.
        using Step = std::function<Result<void>(const Kept& kept)>;
        Result<void> with_kept(const Step& step);

      private:
        LeaseTable& table_;
    };

  private:
    friend class Lease;

    void keep(std::uint64_t id, const Digest& digest);
    void keep(std::uint64_t id, const Descriptor& descriptor);
    void close(std::uint64_t id);

    const Clock& clock_;
    std::mutex mutex_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Kept> leases_;
    std::map<Digest, UnixSeconds> until_;
    bool collecting_ = false;
    Kept since_;  // the collector last looked
};

}  // namespace kiln::store
