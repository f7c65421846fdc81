#pragma once

#include <string>
#include <string_view>

namespace kiln::json {

/// Appends a JSON string, as render() writes it: for lists of many thousand records, which are
/// written as text at once.
void append_quoted(std::string& out, std::string_view text);

}  // namespace kiln::json
