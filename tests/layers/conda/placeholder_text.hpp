#pragma once

#include <string>
#include <string_view>

namespace kiln::conda {

inline std::string nuls(std::size_t count) {
    return std::string(count, '\0');
}

/// Each character `width` bytes wide, its value at byte `value_at` of them: UTF-16 or UTF-32.
inline std::string wide(std::string_view text, std::size_t width, std::size_t value_at) {
    std::string out(text.size() * width, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
        out[i * width + value_at] = text[i];
    }
    return out;
}

}  // namespace kiln::conda
