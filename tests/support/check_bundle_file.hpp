#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a bundle: they are refused with a reason, or every byte of them that is not the
/// content of a part is what the layout of their own document says. Ends the process on a broken
/// law.
void check_bundle_file(ByteSpan bytes);

}  // namespace kiln::testing
