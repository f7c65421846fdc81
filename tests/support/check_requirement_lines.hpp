#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a requirements file, as a pip part or a file it names may be: lines are in order
/// and hold no other, what is taken of the user's files has a value, a refusal has the line's
/// place, and what is shown of a line holds no credentials. Ends the process on a broken law.
void check_requirement_lines(ByteSpan bytes);

}  // namespace kiln::testing
