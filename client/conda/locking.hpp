#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/conda.hpp"

#include <string>

namespace kiln::client {

/// CONDA_OVERRIDE_CUDA=12.4 and its like (cep-30), as `--virtual` has them: what the user wants of
/// every target.
std::vector<std::string> virtual_overrides(const Environment& environment);

/// What is to be locked, and where its pip part is asked for.
struct LockOrder {
    wire::LockRequest request;
    std::string prefix = "/opt/env";
    std::string network = "default";  // of pip
};

struct MadeLock {
    std::string text;
    /// Wheels and archives of the user's that it names: URL -> path.
    std::map<std::string, std::string> pip_files;
};

/// Has the daemon make a lock, sending what it needs of channels that are directories here; the
/// lock's text. A pip part is locked on top of what comes out for conda.
/// Errors   those of the daemon (conflict: no set of packages fits; not_found: a name that no
///          channel has); those of the files.
Result<MadeLock> make_lock(Session& session, Progress& progress, LockOrder order);

}  // namespace kiln::client
