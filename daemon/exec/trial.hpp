#pragma once

#include "daemon/exec/description.hpp"
#include "daemon/exec/session.hpp"

#include <vector>

namespace kiln::exec {

/// Does once, in the worker, what every RUN will need: namespaces, overlay, whiteouts, a fresh
/// /proc. Each adds a check.
/// Errors   unsupported, naming what stands in the way; checks so far are kept.
Result<void> try_sandbox(const SessionTools& tools, std::vector<Check>& checks);

}  // namespace kiln::exec
