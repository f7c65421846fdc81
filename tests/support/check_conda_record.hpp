#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a record of conda-meta (or a file of variables), which comes out of an image that
/// anybody made: what is taken names clean paths below the prefix, in order, and makes bills of
/// materials that are JSON. Ends the process on a broken law.
void check_conda_record(ByteSpan bytes);

}  // namespace kiln::testing
