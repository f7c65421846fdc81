#pragma once

#include "layers/dockerfile/pattern.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// A .dockerignore, or the patterns of --exclude. The last rule that matches a path or one of its
/// parents decides.
class IgnoreRules {
  public:
    struct Rule {
        std::string text;        // as written, for messages: "!docs/*.md"
        std::uint32_t line = 0;  // from 1; the pattern's number where there is no file
        bool exception = false;  // begins with '!'
        Pattern pattern;
    };

    struct Verdict {
        bool ignored = false;
        const Rule* decided_by = nullptr;  // of these rules; null when none matched
    };

    IgnoreRules() = default;

    /// Reads the file: '#' begins a comment in column 0 only; blanks are trimmed, patterns cleaned;
    /// a leading '/' is dropped; a BOM too.
    /// Errors   invalid_input with the place: a lone '!', a bad pattern; too_large.
    static Result<IgnoreRules> parse(std::string_view text, std::string file);
    static Result<IgnoreRules> from_patterns(const std::vector<std::string>& patterns);

    /// Shape    a clean relative path with '/': "src/app.py".
    [[nodiscard]] Verdict match(std::string_view path) const;

    /// False: the directory is ignored and all below it too, so a walk need not enter it.
    [[nodiscard]] bool may_contain_exceptions(std::string_view directory) const;

    [[nodiscard]] bool empty() const { return rules_.empty(); }

    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }

  private:
    Result<void> add(std::string_view line_text, std::uint32_t line);

    std::vector<Rule> rules_;
};

}  // namespace kiln::dockerfile
