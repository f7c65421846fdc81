#pragma once

#include "daemon/conda/lock_request.hpp"
#include "daemon/conda/settings.hpp"
#include "layers/conda/channel/channel.hpp"
#include "layers/conda/input/input.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What must be done for a lock request: nothing but writing where the input is a lock already.
struct LockPlan {
    conda::CondaInput input;
    std::string platform;
    std::vector<conda::RequestedSpec> specs;
    std::vector<conda::RequestedSpec> pins;
    std::vector<conda::Channel> channels;  // in the order of their priority
    /// Where the text names a channel first, by its base URL; others come from elsewhere.
    std::map<std::string, Span> channel_places;
    /// Lines of a pip part, which is locked after the rest (pip_lock.hpp).
    std::vector<conda::Written> pip;
    std::vector<conda::Notice> notices;
};

/// Pure: reads the input and settles the channels: those of the file, those that single
/// specifications name, then the default ones unless the file says nodefaults.
/// Errors   those of conda::read_conda_input(), MatchSpec::parse() and parse_channels(), with the
///          place; invalid_input: a file for other platforms, those of
///          parse_requirement_line().
Result<LockPlan> plan_lock(
    const LockRequest& request, const std::string& platform, const CondaSettings& settings
);

/// Errors   invalid_input: a pip part, and no base image for pip to run on.
Result<void> check_pip_base(const LockRequest& request, const LockPlan& plan);

}  // namespace kiln::daemon
