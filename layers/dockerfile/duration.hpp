#pragma once

#include "store/base/error.hpp"

#include <chrono>
#include <string_view>

namespace kiln::dockerfile {

/// "30s", "1m30s", "1.5h", "100ms", "0": as Go writes durations.
/// Errors   invalid_input that shows the text: no unit, a sign, more than 292 years.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace kiln::dockerfile
