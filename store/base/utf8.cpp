#include "store/base/utf8.hpp"

#include <array>

namespace kiln {
namespace {

constexpr char32_t k_replacement = 0xFFFD;

/// Where the first byte that is no UTF-8 stands, at or after `position`; the size when none does.
std::size_t find_broken(std::string_view text, std::size_t position) {
    while (position < text.size()) {
        const CodePoint point = code_point_at(text, position);
        if (point.value == k_replacement && point.length == 1) {
            break;
        }
        position += point.length;
    }
    return position;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t position) {
    const auto lead = static_cast<unsigned char>(text[position]);
    if (lead < 0x80) {
        return {lead, 1};
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || position + length > text.size()) {
        return {k_replacement, 1};
    }
    char32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const char byte = text[position + i];
        if (!is_continuation(byte)) {
            return {k_replacement, 1};
        }
        value = (value << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> k_smallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < k_smallest.at(length) || value > 0x10FFFF || surrogate) {
        return {k_replacement, 1};
    }
    return {value, length};
}

bool is_utf8(std::string_view text) {
    return find_broken(text, 0) == text.size();
}

std::string to_utf8(std::string text) {
    std::size_t broken = find_broken(text, 0);
    if (broken == text.size()) {
        return text;
    }
    std::string whole;
    std::size_t position = 0;
    while (broken < text.size()) {
        whole.append(text, position, broken - position).append("\xEF\xBF\xBD");
        position = broken + 1;
        broken = find_broken(text, position);
    }
    return whole.append(text, position);
}

}  // namespace kiln
