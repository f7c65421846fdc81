#pragma once

#include "store/base/json.hpp"

#include <string>
#include <string_view>

// For answers of many thousand records: what they cost is mostly the memory of their parts.

namespace kiln::json {

/// As parse(), from a program that is ours: keys that stand twice are not looked for. All of the
/// value lies in one arena, which goes with its last part.
Result<Value> parse_bulk(std::string_view text, std::string_view what);

/// Appends a string as render() writes it.
void append_quoted(std::string& out, std::string_view text);

}  // namespace kiln::json
