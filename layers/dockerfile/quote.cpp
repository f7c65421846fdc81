#include "layers/dockerfile/quote.hpp"

#include "layers/dockerfile/unicode.hpp"

#include <fmt/core.h>

namespace kiln::dockerfile {

std::string quote(std::string_view text) {
    constexpr std::string_view k_named = "\a\b\f\n\r\t\v";
    constexpr std::string_view k_names = "abfnrtv";
    std::string result = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint next = code_point_at(text, at);
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte == '"' || byte == '\\') {
            result += '\\';
            result += text[at];
        } else if (const auto name = k_named.find(text[at]); name != std::string_view::npos) {
            result += '\\';
            result += k_names[name];
        } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && next.length == 1)) {
            result += fmt::format("\\x{:02x}", byte);
        } else {
            result += text.substr(at, next.length);
        }
        at += next.length;
    }
    return result + '"';
}

}  // namespace kiln::dockerfile
