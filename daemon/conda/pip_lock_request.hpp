#pragma once

#include "daemon/conda/lock_request.hpp"
#include "layers/conda/pip/part.hpp"

#include <string>

namespace kiln::daemon {

/// The pip part of a specification, to be locked on top of its conda part, which is locked already.
struct PipLockRequest {
    NamedText input;       // the specification
    CondaContext context;  // the lock of its conda part, and where that will lie
    std::string base;      // the image that it stands on
    Network network = Network::standard;
    LockFormat format = LockFormat::kiln;
    conda::PipPaths paths;  // what the client has under the paths that the part names

    /// Errors   invalid_input naming the field.
    static Result<PipLockRequest> parse(const json::Value& value);
};

/// What is to be done: the two texts, read.
struct PipLockPlan {
    conda::Lock lock;
    std::vector<conda::Written> lines;
};

/// Pure. Errors   those of the readers, with the place; invalid_input: nothing for pip to do.
Result<PipLockPlan> plan_pip_lock(const PipLockRequest& request);

}  // namespace kiln::daemon
