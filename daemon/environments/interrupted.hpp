#pragma once

#include "store/environment_records.hpp"
#include "store/store.hpp"

#include <optional>

namespace kiln::daemon {

/// The version that a refresh began with, where it added `version` to it and ended before that was
/// built: the same definition on other bases. nullopt: there is no such thing to go on with.
/// Errors   corrupt. Thread   the pool.
Result<std::optional<store::EnvironmentVersion>> interrupted_refresh_of(
    store::Store& store, const store::EnvironmentVersion& version
);

}  // namespace kiln::daemon
