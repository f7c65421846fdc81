#pragma once

#include "daemon/build/request.hpp"
#include "daemon/environments/difference.hpp"
#include "store/base/json.hpp"
#include "store/environments.hpp"
#include "store/store.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// Why two versions have different hashes, in words.
/// Errors   corrupt.
Result<std::vector<EnvironmentDifference>> compare_environments(
    store::Store& store,
    const store::EnvironmentVersion& before,
    const store::EnvironmentVersion& after
);
/// The same before `after`, which has no image, is a version: by its canonical record and the name
/// of its base.
Result<std::vector<EnvironmentDifference>> compare_with_new(
    store::Store& store,
    const store::EnvironmentVersion& before,
    std::string_view after_record,
    const std::string& after_base
);

/// Which packages of a version another lock for it has differently.
/// Errors   those of the lock.
Result<std::vector<EnvironmentDifference>> compare_lock(
    store::Store& store, const store::EnvironmentVersion& version, const NamedText& lock
);

json::Array render_differences(const std::vector<EnvironmentDifference>& differences);

}  // namespace kiln::daemon
