#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Whatever the bytes: they are refused, or they are the one way to write their rows, and each row
/// is found by its path.
void check_listing(ByteSpan bytes);

}  // namespace kiln::testing
