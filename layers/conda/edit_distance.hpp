#pragma once

#include <cstddef>
#include <string_view>

namespace kiln::conda {

/// How many letters must be put in, taken out or changed to make one text of the other
/// (Levenshtein). Texts of more than 64 letters, which nobody mistypes, are as far as they are
/// long.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace kiln::conda
