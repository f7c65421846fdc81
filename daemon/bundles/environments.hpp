#pragma once

#include "daemon/bundles/document.hpp"
#include "daemon/bundles/intake.hpp"
#include "daemon/environments/artifact.hpp"
#include "store/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The environments of a bundle on their way into the index, in three steps: held against what is
/// there, found whole, named. The parts are all in the store.
/// Thread   one of the pool.
class BundledEnvironments {
  public:
    /// All outlive this.
    BundledEnvironments(
        Services& services,
        const store::Lease& lease,
        const BundleDocument& document,
        const UnbundleOrder& order
    )
        : services_(services),
          lease_(lease),
          document_(document),
          order_(order) {}

    /// Reads and checks every definition. Errors   those of resolve_shared_environment(); conflict:
    /// the version exists with another definition.
    Result<void> check();
    /// Adds to the batch what keeps the packages of their locks.
    /// Errors   not_found: a package that the bundle does not hold.
    Result<void> find_packages(store::Batch& batch);
    /// Gives them their places, once all else is durable; their rows.
    /// Errors   not_found: one of them lacks a base or its context, and then none is named.
    Result<json::Array> name();

  private:
    struct Entry {
        std::string workspace;
        std::string reference;
        SharedEnvironment shared;
        ResolvedEnvironment resolved;
        Descriptor image;
        std::optional<store::EnvironmentDocument> lock = std::nullopt;
    };

    Result<Entry> read(const BundledEnvironment& bundled) const;
    Result<void> refuse_conflict(const Entry& entry) const;
    Result<std::optional<store::EnvironmentDocument>> find_lock(const Digest& image) const;
    Result<void> add_packages(Entry& entry, store::Batch& batch) const;
    Result<Digest> find_package(const Entry& entry, const conda::LockEntry& wanted) const;
    Result<json::Value> name_one(const Entry& entry) const;

    Services& services_;
    const store::Lease& lease_;
    const BundleDocument& document_;
    const UnbundleOrder& order_;
    std::vector<Entry> entries_;
};

}  // namespace kiln::daemon
