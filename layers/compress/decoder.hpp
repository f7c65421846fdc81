#pragma once

#include "layers/compress/decompress.hpp"
#include "store/base/bytes.hpp"

#include <cstddef>
#include <memory>

namespace kiln {

/// One stream format, decoded piece by piece; decompress() drives it and keeps the limits.
class Decoder {
  public:
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };

    enum class Input : std::uint8_t { more, last };

    Decoder() = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    virtual ~Decoder() = default;
    /// Takes some of `in`, fills some of `out`. Errors: corrupt.
    virtual Result<Step> decode(ByteSpan in, MutableByteSpan out, Input input) = 0;
    /// Whether the stream may end here.
    [[nodiscard]] virtual bool complete() const = 0;
};

/// nullptr for plain.
Result<std::unique_ptr<Decoder>> make_decoder(StreamFormat format);

}  // namespace kiln
