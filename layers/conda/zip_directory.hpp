#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::conda {

/// A `.conda` has three members; a few more are tolerated.
inline constexpr std::size_t k_zip_members = 1024;
inline constexpr std::size_t k_zip_directory_bytes = 1024 * 1024;

enum class ZipMethod : std::uint16_t { stored = 0, deflated = 8 };

/// One member as the central directory names it. Local headers are only skipped: they may lack
/// sizes (data descriptors) or contradict.
struct ZipMember {
    std::string name;
    ZipMethod method = ZipMethod::stored;
    std::uint32_t crc32 = 0;
    std::uint64_t compressed_bytes = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t header_offset = 0;
};

/// The central directory, zip64 included, in its order.
/// Errors   corrupt: no directory at the end (a truncated file), sizes beyond the file;
/// unsupported:
///          encryption, several disks, another method; too_large.
Result<std::vector<ZipMember>> read_zip_directory(int fd);

/// A member's plain bytes; `fd` outlives the source. A deflated one comes out with its size and
/// checksum verified, a stored one as it lies there (a package's own hash covers it).
Result<std::unique_ptr<ByteSource>> open_zip_member(int fd, const ZipMember& member);

}  // namespace kiln::conda
