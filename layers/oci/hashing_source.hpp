#pragma once

#include "store/base/bytes.hpp"
#include "store/hasher.hpp"

#include <cstdint>

namespace kiln::oci {

/// Hashes and counts what passes, and gives it to a sink too when there is one.
class HashingSource final : public ByteSource {
  public:
    explicit HashingSource(ByteSource& inner, ByteSink* copy = nullptr)
        : inner_(inner),
          copy_(copy) {}

    Result<std::size_t> read(MutableByteSpan into) override;
    /// Reads what is left, so that digest() covers everything.
    Result<void> drain();

    /// Of all bytes so far; call once.
    Digest digest() { return hasher_.finish(); }

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    ByteSource& inner_;
    ByteSink* copy_;
    Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace kiln::oci
