#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

enum class Take : std::uint8_t { shortest, longest };
enum class Replace : std::uint8_t { first, all };

/// The patterns of ${v#p} and its kin: `*` any text, `?` any one character, `\*` `\?` `\\` those
/// characters. Time grows with value times pattern, never faster; the caller bounds the value.
class ShellPattern {
  public:
    /// Errors   invalid_input: an escape before anything else; too_large.
    static Result<ShellPattern> compile(std::string_view text);

    [[nodiscard]] std::string without_prefix(std::string_view value, Take take) const;
    [[nodiscard]] std::string without_suffix(std::string_view value, Take take) const;
    /// Errors   too_large when the result would pass the limit.
    [[nodiscard]] Result<std::string> replace(
        std::string_view value, std::string_view replacement, Replace which, std::size_t limit_bytes
    ) const;

  private:
    struct Token {
        enum class Kind : std::uint8_t { text, any, star };
        Kind kind = Kind::text;
        std::string character = {};
    };

    using Characters = std::vector<std::string_view>;
    using States = std::vector<bool>;

    [[nodiscard]] std::optional<std::size_t> match_from(
        const Characters& value, std::size_t start, Take take
    ) const;
    [[nodiscard]] std::vector<bool> possible_starts(const Characters& value) const;
    [[nodiscard]] ShellPattern reversed() const;
    [[nodiscard]] States step(const States& states, std::string_view character) const;
    void skip_stars(States& states) const;

    std::vector<Token> tokens_;
};

}  // namespace kiln::dockerfile
