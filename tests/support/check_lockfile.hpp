#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a lock file: what is taken keeps the limits, names a package a line, and is the
/// same once rendered and read again. Ends the process on a broken law.
void check_lockfile(ByteSpan bytes);

}  // namespace kiln::testing
