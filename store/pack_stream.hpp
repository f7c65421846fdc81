#pragma once

#include "store/base/bytes.hpp"
#include "store/digest.hpp"
#include "store/hasher.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace kiln::store {

/// What stands before each content in a pack, and on the wire: 32 raw digest bytes, then the size
/// as u64 little-endian.
struct PackHeader {
    static constexpr std::size_t k_size = Digest::k_size + 8;
    using Raw = std::array<std::byte, k_size>;

    Digest content;
    std::uint64_t size_bytes = 0;

    static PackHeader parse(const Raw& raw);
    [[nodiscard]] Raw render() const;
    bool operator==(const PackHeader&) const = default;
};

/// Reads a stream of contents front to back and checks each against its digest.
/// Shape    next(), then the content by read() until 0, then next() again.
/// Errors   corrupt when the stream ends early; digest_mismatch; too_large.
/// Thread   one reader, one thread.
class PackStream {
  public:
    explicit PackStream(ByteSource& source)
        : source_(source) {}

    /// nullopt at the end. ASSERTs that the content before was read to its end.
    Result<std::optional<PackHeader>> next();
    /// The content, checked at its end.
    Result<std::size_t> read(MutableByteSpan into);

  private:
    ByteSource& source_;
    PackHeader header_;
    std::uint64_t rest_ = 0;
    Hasher hasher_;
};

}  // namespace kiln::store
