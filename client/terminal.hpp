#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::client {

enum class Echo : std::uint8_t { no, yes };

/// Asks at the terminal itself, wherever stdin and stdout lead.
/// Errors   invalid_input when there is no terminal.
Result<std::string> prompt(std::string_view question, Echo echo);

}  // namespace kiln::client
