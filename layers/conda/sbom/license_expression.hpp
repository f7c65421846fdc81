#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kiln::conda {

/// The licence of a package as an SPDX expression, when that is what it is: conda's field holds
/// free text ("BSD Like"). Identifiers that conda packages use are known, and compared without
/// regard to case; the expression comes out in SPDX's spelling.
std::optional<std::string> spdx_expression(std::string_view license);

}  // namespace kiln::conda
