#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace kiln {

/// A sha256, the name of a blob (image-spec descriptor.md, "Digests"). Other algorithms are
/// refused.
class Digest {
  public:
    static constexpr std::size_t k_size = 32;
    using Raw = std::array<std::byte, k_size>;

    Digest() = default;  // all zero: no blob has it

    explicit Digest(const Raw& raw)
        : raw_(raw) {}

    static Result<Digest> parse(std::string_view text);     // inverse of render()
    static Result<Digest> parse_hex(std::string_view hex);  // inverse of hex()
    [[nodiscard]] std::string render() const;               // "sha256:" + 64 lower-case hex digits
    [[nodiscard]] std::string hex() const;

    [[nodiscard]] const Raw& raw() const { return raw_; }

    [[nodiscard]] bool is_zero() const { return raw_ == Raw{}; }

    auto operator<=>(const Digest&) const = default;

  private:
    Raw raw_{};
};

/// Lower-case hex of any bytes.
std::string render_hex(ByteSpan bytes);

}  // namespace kiln

template<>
struct std::hash<kiln::Digest> {
    std::size_t operator()(const kiln::Digest& digest) const noexcept;
};
