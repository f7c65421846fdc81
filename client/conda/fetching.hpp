#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/build.hpp"

namespace kiln::client {

/// Has the daemon bring every package of a lock into its store; files that the lock names by a path
/// are opened here. Errors   those of the files and of the daemon.
Result<void> fetch_packages(Session& session, Progress& progress, wire::CondaContext context);

}  // namespace kiln::client
