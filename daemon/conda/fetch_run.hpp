#pragma once

#include "daemon/build/conda_needs.hpp"
#include "daemon/build/job.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace kiln::daemon {

/// Brings every package of a lock into the store and keeps it there under its place and hash, so
/// that a later build needs neither network nor file for it. What the store has is not fetched.
/// Errors   those of CondaPackages.
/// Thread   the loop; the work is done by the pool.
boost::asio::awaitable<Result<void>> fetch_packages(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const CondaContext> context
);

}  // namespace kiln::daemon
