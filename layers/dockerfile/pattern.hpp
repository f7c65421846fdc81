#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// A compiled pattern of paths. Matching takes time linear in the path, whatever the pattern.
/// Thread   any; immutable.
class Pattern {
  public:
    /// As .dockerignore has them: `*`, `?`, `[a-z]` and `\x` within a name, `**` across names.
    /// Shape    the text is clean (see clean_path).
    /// Errors   invalid_input: a bad pattern; too_large.
    static Result<Pattern> ignore(std::string_view text);

    /// As filepath.Match of Go has them, for the wildcards of COPY and ADD: no `**`.
    static Result<Pattern> glob(std::string_view text);

    /// The path itself.
    [[nodiscard]] bool matches(std::string_view path) const;
    /// The path or one of its parent directories.
    [[nodiscard]] bool matches_path_or_parent(std::string_view path) const;
    /// Some path below the directory could match.
    [[nodiscard]] bool may_match_below(std::string_view directory) const;

  private:
    /// Most patterns need no machine: their fixed text and where it may stand is all.
    enum class Shape : std::uint8_t {
        everything,  // **
        literal,     // a/b
        starts,      // a/**
        parts,       // **/a/b
        ends,        // **b: in any name
        name_ends,   // *.b: in the first name only
        general,
    };

    struct Range {
        char32_t first;
        char32_t last;
    };

    /// One state of the machine; what it takes leads to the next one.
    struct Token {
        enum class Kind : std::uint8_t {
            character,
            any,        // one character but '/'
            one_of,     // a class
            star,       // any number of characters but '/'
            rest,       // any number of characters
            optional,   // may skip the next token too: `**/` is (.*/)?
            directory,  // any number of characters, then '/'
        };

        Kind kind = Kind::character;
        char32_t value = 0;
        bool negated = false;
        std::vector<Range> ranges = {};

        [[nodiscard]] bool takes(char32_t character) const;
        [[nodiscard]] bool in_ranges(char32_t character) const;
    };

    enum class Scope : std::uint8_t { whole, or_parent, below };

    static Result<Pattern> compile(std::string_view text, bool with_double_stars);
    Result<void> add_class(std::string_view text, std::size_t& at);
    void add_double_star(std::string_view text, std::size_t& at);
    void choose_shape();
    [[nodiscard]] std::string literal_from(std::size_t first) const;
    [[nodiscard]] bool run(std::string_view path, Scope scope) const;
    template<class States>
    [[nodiscard]] bool run_with(States now, States next, std::string_view path, Scope scope) const;

    Shape shape_ = Shape::general;
    std::string text_;  // the fixed text; of a general pattern what every match begins with
    std::vector<Token> tokens_;
};

/// Errors   invalid_input for a bad pattern, even where an earlier part already differs.
Result<bool> glob_match(std::string_view pattern, std::string_view name);
bool has_wildcards(std::string_view text);

/// path.Clean of Go: "./a//b/../c/" is "a/c", "" is ".".
std::string clean_path(std::string_view path);

}  // namespace kiln::dockerfile
