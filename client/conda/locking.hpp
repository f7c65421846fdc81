#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/conda.hpp"

#include <string>

namespace kiln::client {

/// CONDA_OVERRIDE_CUDA=12.4 and its like (cep-30), as `--virtual` has them: what the user wants of
/// every target.
std::vector<std::string> virtual_overrides(const Environment& environment);

/// Has the daemon make a lock, sending what it needs of channels that are directories here; the
/// lock's text. `request.files` is filled in.
/// Errors   those of the daemon (conflict: no set of packages fits; not_found: a name that no
///          channel has); those of the files.
Result<std::string> make_lock(Session& session, Progress& progress, wire::LockRequest request);

}  // namespace kiln::client
