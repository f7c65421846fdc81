#pragma once

#include "layers/tar/header.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace kiln::tar {

/// The uncompressed tar as blocks and runs of bytes; large reads go straight to the source.
/// Thread   one input, one thread.
class TarInput {
  public:
    /// `source` outlives the input.
    explicit TarInput(ByteSource& source);

    /// The next 512 bytes, valid until the next call; nullopt at the end.
    /// Errors   corrupt when the archive ends inside the block.
    Result<std::optional<ByteSpan>> block();
    /// Up to into.size() bytes; 0 only at the end.
    Result<std::size_t> read(MutableByteSpan into);
    /// The number of bytes passed over; fewer only at the end.
    Result<std::uint64_t> skip(std::uint64_t count);

    /// Where in the tar the next byte comes from.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }

  private:
    Result<void> fill(std::size_t at_least);

    ByteSource& source_;
    Bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace kiln::tar
