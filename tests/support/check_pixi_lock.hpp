#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a pixi.lock: the laws of check_conda_lock() hold for every environment and
/// platform that the text names. Ends the process on a
/// broken law.
void check_pixi_lock(ByteSpan bytes);

}  // namespace kiln::testing
