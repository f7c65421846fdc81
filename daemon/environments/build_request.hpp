#pragma once

#include "daemon/build/request.hpp"
#include "daemon/environments/definition.hpp"
#include "daemon/environments/inputs.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::daemon {

/// The labels of an environment's image: all that enters it beside the software.
inline constexpr std::string_view k_hash_label = "kiln.environment.hash";
inline constexpr std::string_view k_lock_label = "kiln.environment.lock";
inline constexpr std::string_view k_prefix_label = "kiln.environment.prefix";

/// The name of the conda context in the build of an environment.
inline constexpr std::string_view k_conda_context = "environment";

/// In the order in which they are set.
using EnvironmentVariables = std::vector<std::pair<std::string, std::string>>;

/// What an environment is built by: its own Dockerfile or a FROM of its base, then the packages and
/// what activates them. Pure: the same inputs give the same request, whatever the environment is
/// called.
/// `conda`  the lock, or the specification while there is none.
/// Errors   those of the Dockerfile.
Result<BuildRequest> environment_build_request(
    const EnvironmentDefinition& definition,
    const EnvironmentInputs& inputs,
    const std::optional<NamedText>& conda,
    const EnvironmentVariables& variables
);

}  // namespace kiln::daemon
