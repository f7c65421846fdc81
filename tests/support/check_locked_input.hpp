#pragma once

#include "layers/conda/input/input.hpp"

#include <string_view>

namespace kiln::testing {

/// What holds of every lock that any reader takes: each package once, and the same once written in
/// our own form and read again. Ends the process on a broken law.
void check_locked_input(std::string_view text, const conda::InputOptions& options);

}  // namespace kiln::testing
