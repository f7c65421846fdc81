#pragma once

#include "daemon/build/planned_keys.hpp"
#include "daemon/build/single_flight.hpp"
#include "daemon/conda/settings.hpp"
#include "daemon/environments/workspace.hpp"
#include "daemon/exec/executor.hpp"
#include "store/base/clock.hpp"
#include "store/base/log.hpp"
#include "store/base/pool.hpp"
#include "store/store.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace kiln::conda {
class MemoryBudget;
}

namespace kiln::registry {
class Memory;
}

namespace kiln::daemon {

class KnownPackages;

/// What the parts of one daemon work with. All of it outlives every session and build.
struct Services {
    store::Store& store;
    ThreadPool& pool;     // one thread a core: hashing, compressing, the store
    ThreadPool& waiters;  // more threads: work that mostly waits (a RUN, a slow reader)
    exec::Executor& executor;
    SingleFlight& flights;
    PlannedKeys& planned;
    const Clock& clock;
    Log& log;
    boost::asio::any_io_executor loop;
    std::vector<std::string> insecure_registries;
    conda::MemoryBudget& package_memory;  // of all packages that are being read
    CondaSettings conda;
    KnownPackages& known_packages;
    registry::Memory& registries;
    Workspaces workspaces;
};

}  // namespace kiln::daemon
