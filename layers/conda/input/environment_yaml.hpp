#pragma once

#include "layers/conda/input/specification.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::conda {

/// Specifications, pip lines, channels or variables of one file.
inline constexpr std::size_t k_specification_lines = 10'000;
inline constexpr std::size_t k_specification_bytes = 8UL * 1024;

/// An environment.yml (cep-24), selectors of both kinds applied for `platform`. Keys that are not
/// known become notices, as the proposal wants.
/// Shape    `dependencies` may be empty or null, as conda takes it, but not misspelt.
/// Errors   invalid_input and unsupported with the place: a value of another type, a section of
///          dependencies other than pip, a name no variable can have, selectors.
Result<Specification> parse_environment_yaml(
    std::string_view text, const std::string& file, std::string_view platform
);

}  // namespace kiln::conda
