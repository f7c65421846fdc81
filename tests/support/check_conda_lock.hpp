#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a conda-lock.yml: what is taken names each package once, is the same once written
/// in our own form and read again, and shows no line break in any form. Ends the process on a
/// broken law.
void check_conda_lock(ByteSpan bytes);

}  // namespace kiln::testing
