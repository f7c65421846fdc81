#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Takes bytes in order. A failed write leaves the sink unusable.
class ByteSink {
  public:
    ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    virtual ~ByteSink() = default;
    virtual Result<void> write(ByteSpan bytes) = 0;
};

/// Gives bytes in order; may block, so read it from the pool.
class ByteSource {
  public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;
    /// Shape    up to `into.size()` bytes; 0 only at the end.
    virtual Result<std::size_t> read(MutableByteSpan into) = 0;
    /// Passes over `count` bytes; fewer only at the end. Sources that can seek do.
    /// Shape    the number of bytes passed over.
    virtual Result<std::uint64_t> skip(std::uint64_t count);
};

/// The bytes of a span that outlives the source.
class SpanSource final : public ByteSource {
  public:
    explicit SpanSource(ByteSpan bytes)
        : rest_(bytes) {}

    Result<std::size_t> read(MutableByteSpan into) override;
    Result<std::uint64_t> skip(std::uint64_t count) override;

  private:
    ByteSpan rest_;
};

/// Keeps what is written, up to a limit (too_large beyond it).
class MemorySink final : public ByteSink {
  public:
    explicit MemorySink(std::size_t limit_bytes)
        : limit_bytes_(limit_bytes) {}

    Result<void> write(ByteSpan bytes) override;

    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

    Bytes take() { return std::move(bytes_); }

  private:
    std::size_t limit_bytes_;
    Bytes bytes_;
};

/// Fills `into` completely. Errors: corrupt when the source ends before.
Result<void> read_exact(ByteSource& source, MutableByteSpan into);

/// Everything up to the end. Errors: too_large beyond the limit, which `what` names.
Result<Bytes> read_all(ByteSource& source, std::size_t limit_bytes, std::string_view what);

/// Moves everything from source to sink; the number of bytes.
Result<std::uint64_t> copy_all(ByteSource& source, ByteSink& sink);

/// "12 KiB", "1.5 GiB": for people.
std::string render_size(std::uint64_t size_bytes);

}  // namespace kiln
