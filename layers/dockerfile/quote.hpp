#pragma once

#include <string>
#include <string_view>

namespace kiln::dockerfile {

/// "text" as Go's strconv.Quote writes it: for s-expressions, golden files and messages.
std::string quote(std::string_view text);

}  // namespace kiln::dockerfile
