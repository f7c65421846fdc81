#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// A lock request out of any bytes, and what is planned for it: refused with a sentence, or a lock
/// with nothing to resolve, or specifications with channels none of which is a secret's.
void check_lock_request(ByteSpan bytes);

}  // namespace kiln::testing
