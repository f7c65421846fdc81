#include "store/digest.hpp"

#include <cstring>

namespace kiln {
namespace {

constexpr std::string_view k_prefix = "sha256:";

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
    if (!text.starts_with(k_prefix)) {
        return fail(Code::invalid_input, "\"{}\" is not a sha256 digest", text.substr(0, 128));
    }
    return parse_hex(text.substr(k_prefix.size()));
}

Result<Digest> Digest::parse_hex(std::string_view hex) {
    Raw raw{};
    bool valid = hex.size() == 2 * k_size;
    for (std::size_t i = 0; valid && i < k_size; ++i) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        valid = high >= 0 && low >= 0;
        raw.at(i) = static_cast<std::byte>(high * 16 + low);
    }
    if (!valid) {
        return fail(
            Code::invalid_input,
            "\"{}\" is not a sha256 digest: 64 lower-case hex digits are wanted",
            hex.substr(0, 128)
        );
    }
    return Digest(raw);
}

std::string Digest::render() const {
    return std::string(k_prefix) + hex();
}

std::string Digest::hex() const {
    return render_hex(raw_);
}

std::string render_hex(ByteSpan bytes) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text += k_digits[std::to_integer<unsigned>(byte) >> 4U];
        text += k_digits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

}  // namespace kiln

std::size_t std::hash<kiln::Digest>::operator()(const kiln::Digest& digest) const noexcept {
    std::size_t value = 0;  // a sha256 is already well mixed
    std::memcpy(&value, digest.raw().data(), sizeof value);
    return value;
}
