#pragma once

#include "layers/conda/spec/version.hpp"
#include "store/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::conda {

/// A version taken apart as cep-33 says: epoch, main and local part, each of segments of
/// components. Lives on the stack; from it come the key of a Version and the prefix of a spec.
class VersionSegments {
  public:
    VersionSegments() {}  // NOLINT(modernize-use-equals-default): the array stays as it is

    /// Errors   as Version::parse().
    Result<void> parse(std::string_view text);

    [[nodiscard]] std::string key() const;

    enum class Last : std::uint8_t { kept, dropped };

    /// What key_starts_with() takes. Without the last segment of the main part (and without the
    /// local part) it is the second half of `~=`.
    [[nodiscard]] std::string prefix(Last last) const;

  private:
    struct Component {
        std::uint64_t number;
        std::uint8_t text_begin;  // in lowered_
        std::uint8_t text_bytes;  // 0: a number
        bool opens_segment;
    };

    class KeyWriter;

    Result<void> lower(std::string_view text);
    Result<void> add_part(std::size_t begin, std::size_t end);
    Result<void> add_segment(std::size_t begin, std::size_t end);
    Result<void> add_number(std::size_t begin, std::size_t end, bool opens_segment);
    [[nodiscard]] std::string_view text_of(const Component& component) const;
    [[nodiscard]] std::string token_of(const Component& component) const;
    [[nodiscard]] tl::unexpected<Error> refuse_at(
        std::size_t begin, std::size_t end, std::string_view reason
    ) const;

    std::string_view text_;
    std::array<char, k_version_bytes> lowered_;
    /// Every byte gives at most one component, and a leading letter the 0 before it.
    std::array<Component, 2 * k_version_bytes + 2> components_;
    std::size_t count_ = 0;
    std::size_t local_begin_ = 0;  // components_ from here on are the local part
};

/// Whether the version with this key begins with the segments of the prefix: all but the last are
/// equal, and the last of the prefix begins the version's.
bool key_starts_with(std::string_view key, std::string_view prefix);

}  // namespace kiln::conda
