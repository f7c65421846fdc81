#pragma once

#include "layers/conda/input/specification.hpp"
#include "store/base/error.hpp"

#include <string>
#include <string_view>

namespace kiln::conda {

/// A list of specifications, one a line (cep-23 without @EXPLICIT): what conda calls
/// requirements.txt. Comments start with '#' at the start of a line or after white space.
/// Shape    "# platform: linux-64" is the only platform of the result.
/// Errors   invalid_input with the place: a line of pip's own requirements, a URL that is no
///          package; too_large.
Result<Specification> parse_requirements(std::string_view text, const std::string& file);

}  // namespace kiln::conda
