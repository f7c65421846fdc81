#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as dpkg's status: what is taken has a name and a version, is in order, differs in
/// nothing from itself, and makes bills of materials that are JSON. Ends the process on a broken
/// law.
void check_dpkg_status(ByteSpan bytes);

}  // namespace kiln::testing
