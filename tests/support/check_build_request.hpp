#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// A build request out of any bytes, and the plan of its Dockerfile: refused with a sentence, or a
/// graph whose stages use only earlier ones and whose steps are numbered without gaps.
void check_build_request(ByteSpan bytes);

}  // namespace kiln::testing
