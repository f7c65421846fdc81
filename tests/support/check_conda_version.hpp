#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as versions, one a line, and as version specifications: what is taken keeps the
/// limits, is ordered totally, and a specification means the same once rendered and read again.
/// Ends the process on a broken law.
void check_conda_version(ByteSpan bytes);

}  // namespace kiln::testing
