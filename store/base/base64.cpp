#include "store/base/base64.hpp"

#include <algorithm>
#include <cstdint>

namespace kiln {
namespace {

constexpr std::string_view k_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string render_base64(ByteSpan bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8U | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text += i <= count ? k_alphabet[group >> (18U - 6U * i) & 63U] : '=';
        }
    }
    return text;
}

Result<Bytes> parse_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return fail(Code::invalid_input, "base64 comes in groups of four, this ends in between");
    }
    Bytes bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        std::string_view digits = text.substr(at, 4);
        if (at + 4 == text.size()) {
            digits = digits.substr(0, digits.find('='));
        }
        const std::size_t padding = 4 - digits.size();
        std::uint32_t group = 0;
        for (const char digit : digits) {
            const std::size_t value = k_alphabet.find(digit);
            if (value == std::string_view::npos) {
                return fail(Code::invalid_input, "{:?} is no base64 digit", digit);
            }
            group = group << 6U | static_cast<std::uint32_t>(value);
        }
        group <<= 6U * padding;
        // Bits behind the last byte must be zero, or two texts would mean the same bytes.
        const bool padded_well =
            text.substr(at + digits.size(), padding) == std::string_view("==").substr(0, padding)
            && (group & ((1U << 8U * padding) - 1U)) == 0;
        if (padding > 2 || !padded_well) {
            return fail(Code::invalid_input, "base64 ends wrongly");
        }
        for (std::size_t i = 0; i + padding < 3; ++i) {
            bytes.push_back(static_cast<std::byte>(group >> (16U - 8U * i) & 0xffU));
        }
    }
    return bytes;
}

}  // namespace kiln
