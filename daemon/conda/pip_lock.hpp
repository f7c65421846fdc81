#pragma once

#include "daemon/build/conda_needs.hpp"
#include "daemon/build/job.hpp"
#include "daemon/conda/pip_lock_request.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What of a pip lock request's bytes is not here.
struct PipLockNeeds {
    CondaNeeds conda;                // the packages of its lock
    std::vector<std::string> paths;  // what pip's lines name and the request does not tell of

    [[nodiscard]] bool empty() const {
        return conda.lacking.empty() && conda.files.empty() && paths.empty();
    }
};

/// Errors   those of plan_pip_lock() and conda::read_pip_part(); unsupported: another platform than
///          this host's, whose python cannot be run here.
/// Thread   the pool.
Result<PipLockNeeds> find_pip_needs(store::Store& store, const PipLockRequest& request);

/// Lays the conda part onto the base, asks its own pip in the sandbox what it would install, and
/// writes the lock with that: every wheel and archive of sources by place and sha256.
/// Errors   step_failed with pip's own words in the log; those of build_environment() and
///          conda::parse_pip_report().
/// Thread   the loop; the work is done by the pools.
boost::asio::awaitable<Result<std::string>> lock_pip(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const PipLockRequest> request
);

}  // namespace kiln::daemon
