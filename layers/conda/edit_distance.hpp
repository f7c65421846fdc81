#pragma once

#include <cstddef>
#include <string_view>

namespace kiln::conda {

/// How many letters must be put in, taken out, changed or swapped with the next one to make one
/// text of the other (optimal string alignment). Texts of more than 64 letters, which nobody
/// mistypes, are as far as they are long.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace kiln::conda
