#pragma once

#include "daemon/build/job.hpp"
#include "daemon/conda/lock_plan.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What of a lock request's bytes is not here.
struct LockNeeds {
    std::vector<Digest> lacking;
    /// Subdirs of file:// channels that the request does not tell of.
    std::vector<std::string> subdirs;
    /// Shards of theirs: each a file whose digest is in `lacking`.
    std::vector<std::string> shards;

    [[nodiscard]] bool empty() const { return lacking.empty() && subdirs.empty(); }
};

/// Errors   those of the form's writer: what it has no place for.
Result<std::string> render_lock(const conda::Lock& lock, LockFormat format);

/// The platform of a request: as asked for, or the base's, or this host's.
/// Errors   those of read_target(); invalid_input when base and request differ.
Result<conda::TargetFacts> settle_target(
    store::Store& store, const store::Lease& lease, const LockRequest& request
);

/// Thread   the pool, as settle_target().
Result<LockNeeds> find_needs(
    store::Store& store, const store::Lease& lease, const LockRequest& request, const LockPlan& plan
);

/// Resolves what is planned, for a target, and writes the lock. Warnings and progress are events of
/// the job. The same request gives the same text as long as its channels do.
/// Errors   those of load_channel_records() and conda::solve().
/// Thread   the loop; the work is done by the pool.
boost::asio::awaitable<Result<std::string>> make_lock(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const LockRequest> request,
    std::shared_ptr<const LockPlan> plan,
    conda::TargetFacts target
);

}  // namespace kiln::daemon
