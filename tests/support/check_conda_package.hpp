#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a conda package, `.conda` or `.tar.bz2`: what is taken is planned and becomes a
/// layer in which nothing lies outside the prefix or below a file. Ends the process on a broken
/// law.
void check_conda_package(ByteSpan bytes);

}  // namespace kiln::testing
