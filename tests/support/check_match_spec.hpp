#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a package specification of either form and as a condition: what is taken is the
/// same once rendered and read again, and matches the same records. Ends the process on a broken
/// law.
void check_match_spec(ByteSpan bytes);

}  // namespace kiln::testing
