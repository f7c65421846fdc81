#pragma once

#include "store/base/utf8.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// As much of Unicode as the language needs: its blanks, and what may stand in a name.
namespace kiln::dockerfile {

bool is_space(char32_t value);
/// Letters of any script; symbols and punctuation beyond ASCII are told by their blocks.
bool is_letter(char32_t value);

inline bool is_digit(char32_t value) {
    return value >= '0' && value <= '9';
}

std::string_view trim_left(std::string_view text);
std::string_view trim_right(std::string_view text);
std::string_view trim(std::string_view text);

/// ASCII only: names of instructions, flags and stages.
std::string lower(std::string_view text);
std::string upper(std::string_view text);

}  // namespace kiln::dockerfile
