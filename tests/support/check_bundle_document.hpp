#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as the document of a bundle: refused with a reason, or the same again when it is
/// written and read, with nothing named that is no part. Ends the process on a broken law.
void check_bundle_document(ByteSpan bytes);

}  // namespace kiln::testing
