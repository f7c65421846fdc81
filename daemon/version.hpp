#pragma once

#include <string_view>

namespace kiln::daemon {

inline constexpr std::string_view k_version = KILN_VERSION;

}  // namespace kiln::daemon
