#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Whatever the archive: the reader stays in its limits, its paths stay below the root, and what it
/// accepts reads back equal after our writer wrote it.
void check_tar_reader(ByteSpan archive);

}  // namespace kiln::testing
