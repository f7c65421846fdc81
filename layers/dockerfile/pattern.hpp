#pragma once

#include "store/base/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// A compiled pattern of .dockerignore: `*`, `?`, `[a-z]`, `\x` within a name, `**` across names.
/// Matching takes time linear in the path, whatever the pattern.
class Pattern {
  public:
    /// Errors   invalid_input: what filepath.Match of Go would refuse.
    static Result<Pattern> compile(std::string_view clean_pattern);

    /// The path itself.
    [[nodiscard]] bool matches(std::string_view path) const;
    /// The path or one of its parent directories.
    [[nodiscard]] bool matches_path_or_parent(std::string_view path) const;
    /// Some path below the directory could match that the directory itself does not.
    [[nodiscard]] bool may_match_below(std::string_view directory) const;

  private:
    enum class Shape : std::uint8_t {
        everything,  // **
        literal,     // a/b
        below,       // a/**
        ends_with,   // **x: any text before
        name,        // **/x: a whole last part
        suffix,      // *.x: one name
        any_suffix,  // **/*.x
        general,
    };

    struct Range {
        char32_t first;
        char32_t last;
    };

    struct Token {
        enum class Kind : std::uint8_t { byte, any, one_of, star, directories, rest };
        Kind kind = Kind::byte;
        char byte = 0;
        bool negated = false;
        std::vector<Range> ranges = {};
    };

    enum class Scope : std::uint8_t { whole, or_parent, below };

    [[nodiscard]] bool run(std::string_view path, Scope scope) const;

    Shape shape_ = Shape::everything;
    std::string text_;  // the fixed part of the fast shapes
    std::vector<Token> tokens_;
};

/// filepath.Match of Go, for the wildcards of COPY and ADD: `*` and `?` stop at '/'.
/// Errors   invalid_input for a bad pattern, even where an earlier part already differs.
Result<bool> glob_match(std::string_view pattern, std::string_view name);
bool has_wildcards(std::string_view pattern);

/// path.Clean of Go: "./a//b/../c/" is "a/c", "" is ".".
std::string clean_path(std::string_view path);

}  // namespace kiln::dockerfile
