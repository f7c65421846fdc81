#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a reference: what is taken round-trips in every spelling, and is within the limits.
/// Ends the process on a broken law.
void check_reference(ByteSpan bytes);

}  // namespace kiln::testing
