#pragma once

#include "store/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

/// The 512-byte header block that reader and writer share (POSIX ustar; GNU's and star's uses of
/// the rest).
namespace kiln::tar {

inline constexpr std::size_t k_block_bytes = 512;

/// A field of the header.
struct Field {
    std::size_t offset;
    std::size_t size;

    [[nodiscard]] ByteSpan in(ByteSpan block) const { return block.subspan(offset, size); }

    [[nodiscard]] MutableByteSpan in(MutableByteSpan block) const {
        return block.subspan(offset, size);
    }
};

namespace field {
inline constexpr Field k_name{0, 100};
inline constexpr Field k_mode{100, 8};
inline constexpr Field k_uid{108, 8};
inline constexpr Field k_gid{116, 8};
inline constexpr Field k_size{124, 12};
inline constexpr Field k_mtime{136, 12};
inline constexpr Field k_checksum{148, 8};
inline constexpr Field k_type{156, 1};
inline constexpr Field k_link{157, 100};
inline constexpr Field k_magic{257, 8};  // with the version
inline constexpr Field k_device_major{329, 8};
inline constexpr Field k_device_minor{337, 8};
inline constexpr Field k_prefix{345, 155};
inline constexpr Field k_star_prefix{345, 131};
inline constexpr Field k_star_trailer{508, 4};
inline constexpr Field k_gnu_sparse{386, 4 * 24};
inline constexpr Field k_gnu_sparse_more{482, 1};
inline constexpr Field k_gnu_real_size{483, 12};
}  // namespace field

/// Octal digits with blanks around them, or base-256 (GNU, star). An empty field is 0. nullopt for
/// anything else and for what 64 bits can't hold.
std::optional<std::int64_t> parse_number(ByteSpan field);

/// Octal with leading zeros and a NUL where it fits, else base-256; the inverse of parse_number().
void render_number(MutableByteSpan field, std::uint64_t value);

constexpr bool fits_octal(std::uint64_t value, std::size_t field_bytes) {
    const std::size_t bits = 3 * (field_bytes - 1);
    return bits >= 64 || (value >> bits) == 0;
}

/// The sum over the block with its checksum field taken as blanks.
std::uint32_t header_checksum(ByteSpan block);
/// Whether the checksum field holds that sum, or the sum of signed bytes that old tars wrote.
bool has_valid_checksum(ByteSpan block);
void seal_checksum(MutableByteSpan block);

}  // namespace kiln::tar
