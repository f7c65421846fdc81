#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a tar that is unpacked, as a layer, an overlay's layer and a file system: nothing
/// outside the directory changes, the limits hold, and what was unpacked can be read back. Ends the
/// process on a broken law.
void check_tar_apply(ByteSpan bytes);

}  // namespace kiln::testing
