#pragma once

#include "store/base/error.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_regex_bytes = 256;
inline constexpr std::size_t k_regex_instructions = 2'048;  // after `{3,5}` is written out
inline constexpr std::size_t k_regex_depth = 16;

/// A regular expression without regard to case, searched for as Python's re.search does, in time
/// linear in the text whatever the expression (a Thompson automaton, no backtracking).
/// Knows . [] [^] | () (?:) * + ? {m,n} ^ $ \d \w \s \D \W \S and escaped punctuation; neither
/// lookaround nor backreferences, as cep-29 advises.
class Regex {
  public:
    /// Errors   invalid_input with the column; too_large.
    static Result<Regex> parse(std::string_view text);

    [[nodiscard]] bool found_in(std::string_view text) const;

    struct Instruction {
        enum class Kind : std::uint8_t { one_of, split, jump, at_start, at_end, accept };
        Kind kind = Kind::accept;
        std::uint32_t first = 0;   // split, jump: where to go; one_of: which class
        std::uint32_t second = 0;  // split: the other way
    };

    using ByteClass = std::bitset<256>;

  private:
    std::vector<Instruction> program_;
    std::vector<ByteClass> classes_;
};

}  // namespace kiln::conda
