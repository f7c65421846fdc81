#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as the report of an environment's own pip: what is taken is in order and shows no
/// credentials, and what is not is the fault of who wrote it. Ends the process on a broken law.
void check_pip_report(ByteSpan bytes);

}  // namespace kiln::testing
