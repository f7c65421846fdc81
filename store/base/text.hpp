#pragma once

#include <algorithm>
#include <string_view>

namespace kiln {

/// The blanks of ASCII, which formats written by hand take between words and at the ends of lines.
inline constexpr std::string_view k_blanks = " \t\n\v\f\r";

/// `text` without those of `blanks` that it begins or ends with.
constexpr std::string_view trim(std::string_view text, std::string_view blanks = k_blanks) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// `text` behind the mark that some editors begin UTF-8 with.
constexpr std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view k_mark = "\xEF\xBB\xBF";
    text.remove_prefix(text.starts_with(k_mark) ? k_mark.size() : 0);
    return text;
}

}  // namespace kiln
