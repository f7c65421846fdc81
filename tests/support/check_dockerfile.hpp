#pragma once

#include <string_view>

namespace kiln {

/// Reads a Dockerfile. Ends the process when a law is broken: every place lies in the text, what
/// was read and written again reads the same, and expansion of any word ends well or with an error.
void check_dockerfile(std::string_view text);

}  // namespace kiln
