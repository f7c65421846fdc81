#pragma once

#include "client/conda/pip_files.hpp"
#include "client/session.hpp"
#include "client/wire/conda.hpp"

#include <string>
#include <vector>

namespace kiln::client {

/// Has the pip part of a specification locked, whose conda part is; the whole lock. `channels`:
/// what the user named beside the specification.
Result<std::string> lock_pip_part(
    Session& session,
    Progress& progress,
    wire::PipLockRequest request,
    const std::vector<std::string>& channels,
    PipFiles& local
);

}  // namespace kiln::client
