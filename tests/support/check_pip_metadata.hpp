#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as what pip leaves in a dist-info (METADATA, RECORD and direct_url.json alike), which
/// comes out of an image that anybody made: paths are clean, in order and below the prefix, names
/// are normalised. Ends the process on a broken law.
void check_pip_metadata(ByteSpan bytes);

}  // namespace kiln::testing
