#pragma once

#include "store/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace kiln {

struct DecompressLimits {
    /// Output for each byte of input, once there are more than `ratio_floor_bytes` of output: a
    /// run of zeros in zstd reaches 20,000, an honest layer stays below 100.
    std::uint64_t ratio = 2000;
    std::uint64_t ratio_floor_bytes = 64ULL << 20U;
    std::uint64_t bytes = 1ULL << 40U;  // of output in all
};

/// The dress of a stream, told by its first bytes.
enum class StreamFormat : std::uint8_t { plain, gzip, zstd, bzip2, xz };

/// Needs k_sniff_bytes, or all there is.
StreamFormat sniff_stream(ByteSpan first_bytes);
inline constexpr std::size_t k_sniff_bytes = 16;
std::string_view stream_format_name(StreamFormat format);

/// The plain bytes of `source`, which outlives what is returned: gzip (also several members one
/// after the other, and zeros after the last), zstd (also several frames and skippable ones, with
/// windows up to 128 MiB), bzip2, xz, or the bytes as they are when none of these.
/// Errors   corrupt (bad data, a cut-off end, bytes behind the end), too_large beyond the limits.
/// Thread   one source, one thread.
Result<std::unique_ptr<ByteSource>> decompress(
    ByteSource& source, const DecompressLimits& limits = {}
);

}  // namespace kiln
