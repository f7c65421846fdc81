#include "client/render/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kiln::client {
namespace {

/// Most texts are, and then a byte is a column.
bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char each) { return each >= ' ' && each < '\x7f'; });
}

constexpr char32_t k_replacement = U'?';

struct Decoded {
    char32_t point = k_replacement;
    std::size_t size_bytes = 1;
    bool valid = false;
};

/// The first code point of a text that is not empty.
Decoded decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return {first, 1, true};
    }
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) {
        return {};
    }
    char32_t point = first & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) {
            return {};
        }
        point = point << 6U | (byte(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> k_smallest = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < k_smallest[size] || surrogate || point > 0x10ffff) {
        return {};
    }
    return {point, size, true};
}

struct Range {
    char32_t first;
    char32_t last;
};

bool is_within(char32_t point, const auto& ranges) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
        return point >= range.first && point <= range.last;
    });
}

/// Unicode's East Asian Width, in the blocks that are wide as a whole.
std::size_t width_of(char32_t point) {
    constexpr std::array<Range, 6> k_none = {
        {{0x300, 0x36f},
         {0x200b, 0x200f},
         {0x20d0, 0x20ff},
         {0xfe00, 0xfe0f},
         {0xfe20, 0xfe2f},
         {0xfeff, 0xfeff}}};
    constexpr std::array<Range, 9> k_wide = {
        {{0x1100, 0x115f},
         {0x2e80, 0x303e},
         {0x3041, 0xa4cf},
         {0xac00, 0xd7a3},
         {0xf900, 0xfaff},
         {0xfe30, 0xfe6f},
         {0xff00, 0xff60},
         {0x1f300, 0x1faff},
         {0x20000, 0x3fffd}}};
    if (is_within(point, k_none)) {
        return 0;
    }
    return is_within(point, k_wide) ? 2 : 1;
}

/// The length of the escape sequence at the start of the text (ECMA-48: CSI, OSC, or two bytes).
std::size_t escape_size(std::string_view text) {
    if (text.size() < 2) {
        return 1;
    }
    if (text[1] == '[') {
        const auto* end =
            std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= '@' && c <= '~'; });
        return static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
    }
    if (text[1] == ']') {
        const std::size_t end = text.find_first_of("\a\x1b", 2);
        if (end == std::string_view::npos) {
            return text.size();
        }
        return end + (text[end] == '\a' ? 1 : std::min<std::size_t>(2, text.size() - end));
    }
    return 2;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    if (is_printable_ascii(text)) {
        return text.size();
    }
    std::size_t width = 0;
    while (!text.empty()) {
        const Decoded next = decode(text);
        width += width_of(next.point);
        text.remove_prefix(next.size_bytes);
    }
    return width;
}

std::string truncate(std::string_view text, std::size_t columns, Unicode unicode) {
    if (display_width(text) <= columns) {
        return std::string(text);
    }
    const std::string_view dots = unicode == Unicode::yes ? "…" : "...";
    const std::size_t dots_width = unicode == Unicode::yes ? 1 : 3;
    if (columns < dots_width) {
        return std::string(columns, '.');
    }
    std::string cut;
    std::size_t width = 0;
    while (!text.empty()) {
        const Decoded next = decode(text);
        width += width_of(next.point);
        if (width > columns - dots_width) {
            break;
        }
        cut += text.substr(0, next.size_bytes);
        text.remove_prefix(next.size_bytes);
    }
    return cut + std::string(dots);
}

std::string clean_line(std::string_view line) {
    std::string clean;
    append_clean_line(clean, line);
    return clean;
}

void append_clean_line(std::string& out, std::string_view line) {
    if (is_printable_ascii(line)) {
        out += line;
        return;
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
        line.remove_suffix(1);
    }
    if (const std::size_t redrawn = line.rfind('\r'); redrawn != std::string_view::npos) {
        line.remove_prefix(redrawn + 1);
    }
    while (!line.empty()) {
        const Decoded next = decode(line);
        std::size_t size = next.size_bytes;
        const bool control = next.point < 0x20 || (next.point >= 0x7f && next.point < 0xa0);
        if (next.point == '\x1b') {
            size = escape_size(line);
        } else if (next.point == '\t') {
            out += "    ";
        } else if (!next.valid) {
            out += static_cast<char>(k_replacement);
        } else if (!control) {
            out += line.substr(0, size);
        }
        line.remove_prefix(size);
    }
}

std::string or_dash(std::string_view text) {
    return text.empty() ? "-" : clean_line(text);
}

std::string render_count(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string render_duration(std::uint64_t duration_ms) {
    const std::uint64_t seconds = duration_ms / 1000;
    if (seconds < 60) {
        return fmt::format("{}.{}s", seconds, duration_ms % 1000 / 100);
    }
    if (seconds < 3600) {
        return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
    }
    return fmt::format("{}h {:02}m", seconds / 3600, seconds % 3600 / 60);
}

std::string short_digest(std::string_view text) {
    constexpr std::string_view k_algorithm = "sha256:";
    constexpr std::size_t k_shown = k_algorithm.size() + 12;
    return std::string(text.starts_with(k_algorithm) ? text.substr(0, k_shown) : text);
}

}  // namespace kiln::client
