#include "layers/tar/header.hpp"

#include <algorithm>

namespace kiln::tar {
namespace {

constexpr std::byte k_base_256{0x80};
constexpr std::byte k_negative{0x40};

/// Two's complement, big endian, in the bits after the marker.
std::optional<std::int64_t> parse_base_256(ByteSpan field) {
    const bool negative = (field[0] & k_negative) != std::byte{0};
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        auto byte = std::to_integer<std::uint64_t>(field[i]);
        if (i == 0) {
            byte = negative ? (byte | 0x80U) : (byte & 0x7fU);
        }
        const std::uint64_t top = value >> 55U;  // the byte shifted out, and the sign
        if (top != (negative ? 0x1ffU : 0U)) {
            return std::nullopt;
        }
        value = (value << 8U) | byte;
    }
    return static_cast<std::int64_t>(value);
}

std::int64_t signed_checksum(ByteSpan block) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
        const bool own = i - field::k_checksum.offset < field::k_checksum.size;
        sum += own ? ' ' : static_cast<signed char>(block[i]);
    }
    return sum;
}

}  // namespace

std::optional<std::int64_t> parse_number(ByteSpan field) {
    if (!field.empty() && (field[0] & k_base_256) != std::byte{0}) {
        return parse_base_256(field);
    }
    std::string_view text = as_text(field);
    const std::size_t begin = text.find_first_not_of(std::string_view(" \0", 2));
    if (begin == std::string_view::npos) {
        return 0;
    }
    text.remove_prefix(begin);
    text = text.substr(0, text.find('\0'));
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    std::uint64_t value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '7' || (value >> 60U) != 0) {
            return std::nullopt;
        }
        value = value * 8 + static_cast<std::uint64_t>(digit - '0');
    }
    return static_cast<std::int64_t>(value);
}

void render_number(MutableByteSpan field, std::uint64_t value) {
    const bool octal = fits_octal(value, field.size());
    const std::uint64_t base = octal ? 8 : 256;
    const std::size_t digits = octal ? field.size() - 1 : field.size();
    for (std::size_t i = digits; i-- > 0;) {
        field[i] = static_cast<std::byte>(value % base + (octal ? '0' : 0));
        value /= base;
    }
    if (octal) {
        field.back() = std::byte{0};
    } else {
        field.front() |= k_base_256;
    }
}

std::uint32_t header_checksum(ByteSpan block) {
    std::uint32_t sum = 0;
    for (const std::byte each : block) {
        sum += std::to_integer<std::uint32_t>(each);
    }
    for (const std::byte each : field::k_checksum.in(block)) {
        sum -= std::to_integer<std::uint32_t>(each);
    }
    return sum + static_cast<std::uint32_t>(field::k_checksum.size) * ' ';
}

bool has_valid_checksum(ByteSpan block) {
    const auto stored = parse_number(field::k_checksum.in(block));
    return stored && (*stored == header_checksum(block) || *stored == signed_checksum(block));
}

void seal_checksum(MutableByteSpan block) {
    const MutableByteSpan own = field::k_checksum.in(block);
    std::uint32_t sum = header_checksum(block);
    for (std::size_t i = 6; i-- > 0;) {
        own[i] = static_cast<std::byte>('0' + sum % 8);
        sum /= 8;
    }
    own[6] = std::byte{0};
    own[7] = std::byte{' '};
}

}  // namespace kiln::tar
