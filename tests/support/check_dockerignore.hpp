#pragma once

#include <string_view>

namespace kiln {

/// Reads a .dockerignore and asks it about paths. Ends the process when a law is broken: no rule
/// beyond the limits, the deciding rule matches, and no directory is pruned that holds an
/// exception.
void check_dockerignore(std::string_view text);

}  // namespace kiln
