#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a CDI specification: what is taken names absolute paths, variables with values and
/// devices that can be asked for; what is refused is refused with a reason. Ends the process on a
/// broken law.
void check_cdi_spec(ByteSpan bytes);

}  // namespace kiln::testing
