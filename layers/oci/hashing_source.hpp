#pragma once

#include "store/base/bytes.hpp"
#include "store/hasher.hpp"

#include <cstdint>

namespace kiln::oci {

/// Reads what is left of a source.
Result<void> drain(ByteSource& source);

/// Counts what passes, and gives it to a sink too when there is one.
class CopyingSource final : public ByteSource {
  public:
    CopyingSource(ByteSource& inner, ByteSink* copy)
        : inner_(inner),
          copy_(copy) {}

    Result<std::size_t> read(MutableByteSpan into) override;

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    ByteSource& inner_;
    ByteSink* copy_;
    std::uint64_t size_bytes_ = 0;
};

/// Hashes and counts what passes.
class HashingSource final : public ByteSource {
  public:
    explicit HashingSource(ByteSource& inner)
        : inner_(inner) {}

    Result<std::size_t> read(MutableByteSpan into) override;

    /// Of all bytes so far; call once.
    Digest digest() { return hasher_.finish(); }

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    ByteSource& inner_;
    Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace kiln::oci
