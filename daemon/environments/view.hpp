#pragma once

#include "daemon/environments/difference.hpp"
#include "store/base/json.hpp"
#include "store/environments.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// A version as a list shows it: no text of it is read.
json::Object render_environment_row(store::Store& store, const store::EnvironmentVersion& version);

/// All that is known of a version.
/// Errors   corrupt.
Result<json::Value> render_environment(
    store::Store& store, const store::EnvironmentVersion& version
);

/// Every version of a name, the newest first, each with what differs from the one before it.
/// Errors   not_found.
Result<json::Value> render_environment_history(
    store::Store& store, std::string_view workspace, const std::string& name
);

/// Why two versions have different hashes, in words.
Result<std::vector<EnvironmentDifference>> compare_environments(
    store::Store& store,
    const store::EnvironmentVersion& before,
    const store::EnvironmentVersion& after
);
json::Array render_differences(const std::vector<EnvironmentDifference>& differences);

/// The one that `env which` and errors call a version by: "train:3", or a hash.
std::string reference_of(const store::EnvironmentVersion& version);

/// By name and version ("@latest" or empty: the latest); of the name "@anonymous" by its hash.
/// Errors   not_found with the nearest name or the versions there are.
Result<store::EnvironmentVersion> find_environment(
    store::Store& store, std::string_view workspace, std::string_view name, std::string_view version
);
/// By "NAME", "NAME:VERSION" or "env:NAME…", or by the hash of an anonymous one.
Result<store::EnvironmentVersion> find_environment(
    store::Store& store, std::string_view workspace, std::string_view reference
);

}  // namespace kiln::daemon
