#pragma once

#include "daemon/conda/lock_plan.hpp"
#include "daemon/environments/definition.hpp"
#include "daemon/environments/inputs.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/environments.hpp"

#include <optional>
#include <string>

namespace kiln::daemon {

/// What a version was made from, read again.
struct EnvironmentTexts {
    EnvironmentInputs inputs;
    EnvironmentDefinition definition;
};

/// Errors   corrupt.
Result<EnvironmentTexts> read_environment_texts(
    const store::Environments& environments, const store::EnvironmentVersion& version
);

/// "linux-64". Errors   unsupported: a platform that conda has no name for.
Result<std::string> conda_platform_of(const EnvironmentDefinition& definition);

/// How a lock of the specification would be made, in the workspace's channels unless it names some.
/// Shape    the inputs have one. Errors   those of plan_lock().
Result<LockPlan> plan_environment_lock(
    const EnvironmentInputs& inputs, const std::string& platform, const CondaSettings& settings
);

/// The packages of the image in use; nullopt where nothing was built, or where it has none.
Result<std::optional<conda::Lock>> read_environment_lock(
    const store::Environments& environments, const store::EnvironmentVersion& version
);

}  // namespace kiln::daemon
