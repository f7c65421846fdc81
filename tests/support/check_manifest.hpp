#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as an image manifest and as an index: never both; what is taken round-trips, and the
/// collector sees everything it refers to. Ends the process on a broken law.
void check_manifest(ByteSpan bytes);

}  // namespace kiln::testing
