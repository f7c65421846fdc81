#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kiln::dockerfile {
namespace {

constexpr char32_t k_replacement = 0xFFFD;

struct Block {
    char32_t first;
    char32_t last;
};

/// What is neither letter nor digit beyond ASCII, by block: enough to end `$NAME` before a dash, a
/// quote or an emoji.
constexpr std::array k_symbols = {
    Block{0x80, 0xA9},
    Block{0xAB, 0xB4},
    Block{0xB6, 0xB9},
    Block{0xBB, 0xBF},
    Block{0xD7, 0xD7},
    Block{0xF7, 0xF7},
    Block{0x2000, 0x2BFF},
    Block{0x3000, 0x3004},
    Block{0x3008, 0x3020},
    Block{0xE000, 0xF8FF},
    Block{0xFE00, 0xFE6F},
    Block{0xFF00, 0xFF0F},
    Block{0xFF1A, 0xFF20},
    Block{k_replacement, k_replacement},
    Block{0x1F000, 0x1FAFF},
};

}  // namespace

bool is_space(char32_t value) {
    return (value >= '\t' && value <= '\r') || value == ' ' || value == 0x85 || value == 0xA0
           || value == 0x1680 || (value >= 0x2000 && value <= 0x200A) || value == 0x2028
           || value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_letter(char32_t value) {
    if (value < 0x80) {
        return (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z');
    }
    return std::none_of(k_symbols.begin(), k_symbols.end(), [value](const Block& block) {
        return value >= block.first && value <= block.last;
    });
}

std::string_view trim_left(std::string_view text) {
    while (!text.empty()) {
        const CodePoint first = code_point_at(text, 0);
        if (!is_space(first.value)) {
            break;
        }
        text.remove_prefix(first.length);
    }
    return text;
}

std::string_view trim_right(std::string_view text) {
    while (!text.empty()) {
        std::size_t start = text.size() - 1;
        while (start > 0 && text.size() - start < 4 && is_continuation(text[start])) {
            --start;
        }
        const CodePoint last = code_point_at(text, start);
        if (!is_space(last.value) || start + last.length != text.size()) {
            break;
        }
        text.remove_suffix(last.length);
    }
    return text;
}

std::string_view trim(std::string_view text) {
    return trim_left(trim_right(text));
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return result;
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return result;
}

}  // namespace kiln::dockerfile
