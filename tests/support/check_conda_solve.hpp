#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as small channels and a request: there is an answer exactly if trying every choice of
/// records finds one, it meets every specification, has nothing that nobody needs, and is the same
/// whatever the order of records, and of the records that shards would bring. Ends the process on
/// a broken law.
void check_conda_solve(ByteSpan bytes);

}  // namespace kiln::testing
