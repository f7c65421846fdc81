#pragma once

#include "daemon/conda/settings.hpp"
#include "daemon/environments/workspace.hpp"
#include "store/base/error.hpp"
#include "store/base/log.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::daemon {

struct Options {
    std::string root;
    std::string socket;
    LogLevel log_level = LogLevel::info;
    std::size_t workers = 1;
    std::vector<std::uint32_t> allowed_uids;
    std::vector<std::string> insecure_registries;
    CondaSettings conda;
    Workspaces workspaces;
};

/// The whole daemon, from opening the store to its clean end after SIGTERM or SIGINT: stops
/// accepting, cancels what runs, waits at most 10 s. Errors   conflict when another daemon has the
/// root or answers at the socket; those of the disk.
Result<void> run_daemon(const Options& options);

}  // namespace kiln::daemon
