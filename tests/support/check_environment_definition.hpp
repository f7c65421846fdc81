#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as the definition of an environment: what is taken keeps the limits, is the same again
/// when it is written and read, has one canonical record whichever of the two is asked, differs in
/// nothing from itself, and is exported or refused with a reason. Ends the process on a broken law.
void check_environment_definition(ByteSpan bytes);

}  // namespace kiln::testing
