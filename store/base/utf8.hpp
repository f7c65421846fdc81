#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln {

struct CodePoint {
    char32_t value = 0;      // 0xFFFD for a byte that is no UTF-8
    std::size_t length = 1;  // in bytes
};

/// The code point at `position`, which is inside the text.
CodePoint code_point_at(std::string_view text, std::size_t position);

/// A byte that is not the first of its code point.
inline bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

bool is_utf8(std::string_view text);
/// With U+FFFD for every byte that is no UTF-8: names of files may hold anything, JSON may not.
std::string to_utf8(std::string text);

}  // namespace kiln
