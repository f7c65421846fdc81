#pragma once

#include "daemon/build/conda_environment.hpp"
#include "daemon/services.hpp"

namespace kiln::daemon {

/// Downloads packages of locks into the store: https anywhere, http from loopback only. What a URL
/// gave is remembered by URL and hash, so that it is fetched once.
FetchPackage fetcher(Services& services);

}  // namespace kiln::daemon
