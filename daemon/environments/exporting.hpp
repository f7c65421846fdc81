#pragma once

#include "daemon/environments/export.hpp"
#include "store/environments.hpp"
#include "store/store.hpp"

#include <string>

namespace kiln::daemon {

/// A version in the form of others, with the lock of its image in use where it was built.
/// Errors   those of export_environment(). Thread   the pool.
Result<std::string> export_version(
    store::Store& store, const store::EnvironmentVersion& version, EnvironmentFormat format
);

}  // namespace kiln::daemon
