#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as an image config: what is taken round-trips to the same value and the same bytes.
/// Ends the process on a broken law.
void check_image_config(ByteSpan bytes);

}  // namespace kiln::testing
