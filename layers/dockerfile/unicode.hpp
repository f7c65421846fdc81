#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// As much of Unicode as the language needs: its blanks, and what may stand in a name.
namespace kiln::dockerfile {

struct CodePoint {
    char32_t value = 0;      // 0xFFFD for a byte that is no UTF-8
    std::size_t length = 1;  // in bytes
};

/// The code point at `position`, which is inside the text.
CodePoint code_point_at(std::string_view text, std::size_t position);

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
