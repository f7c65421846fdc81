#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as an environment.yml: what is taken keeps the limits, stands where it says, and
/// selectors leave the places alone. Ends the process on a
/// broken law.
void check_environment_yaml(ByteSpan bytes);

}  // namespace kiln::testing
