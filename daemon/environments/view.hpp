#pragma once

#include "store/base/json.hpp"
#include "store/environments.hpp"
#include "store/store.hpp"

#include <string>
#include <string_view>

namespace kiln::daemon {

/// All that is known of a version.
/// Errors   corrupt.
Result<json::Value> render_environment(
    store::Store& store, const store::EnvironmentVersion& version
);

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
