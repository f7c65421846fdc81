#pragma once

#include "daemon/build/chain.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/request.hpp"
#include "daemon/services.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/layer_builder.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Brings the package behind a URL of a lock into the store; its sha256. A coroutine of the loop.
using FetchPackage = std::function<boost::asio::awaitable<Result<Digest>>(
    const conda::LockEntry& entry, const store::Lease& lease
)>;

/// The lock of a context, in whatever form, for the platform of this host.
/// Errors   those of conda::read_conda_lock(); unsupported: packages of pip.
Result<conda::Lock> read_lock(const CondaContext& context);

struct EnvironmentBuild {
    const CondaContext& context;
    std::size_t max_layers = 0;  // what the environment may take
    UnixSeconds epoch = k_default_epoch;
    LayerOptions layer;
    bool no_cache = false;
    const store::Lease& lease;
    std::shared_ptr<Job> job;
    std::size_t step = 0;  // whose events these are
    FetchPackage fetch;
};

/// A locked conda environment as layers: one a package (or bucket) and one of conda-meta, each made
/// once and found again by its key in every later build, whatever it stands on. Errors
/// invalid_input and not_found with the place in the lock; digest_mismatch. Thread   the loop; the
/// work is done by the pool.
struct Environment {
    Chain chain;
    std::size_t packages = 0;
    std::size_t made = 0;  // layers that were not known
};

boost::asio::awaitable<Result<Environment>> build_environment(
    Services& services, EnvironmentBuild build
);

}  // namespace kiln::daemon
