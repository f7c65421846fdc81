#pragma once

#include "daemon/conda/lock_request.hpp"
#include "daemon/conda/settings.hpp"
#include "layers/conda/channel/channel.hpp"
#include "layers/conda/input/input.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What must be done for a lock request: nothing but writing where the input is a lock already.
struct LockPlan {
    conda::CondaInput input;
    std::string platform;
    std::vector<conda::RequestedSpec> specs;
    std::vector<conda::Channel> channels;  // in the order of their priority
};

/// Pure: reads the input and settles the channels: those of the file, those that single
/// specifications name, then the default ones unless the file says nodefaults.
/// Errors   those of conda::read_conda_input(), MatchSpec::parse() and parse_channels(), with the
///          place; invalid_input: a file for other platforms; unsupported: a pip part.
Result<LockPlan> plan_lock(
    const LockRequest& request, const std::string& platform, const CondaSettings& settings
);

}  // namespace kiln::daemon
