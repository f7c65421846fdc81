#pragma once

#include "layers/conda/spec/regex.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// How a field of a record is matched (cep-29, "String matching"), without regard to case: a regex
/// between `^` and `$`, a glob with `*`, or the very text.
class StringPattern {
  public:
    enum class Kind : std::uint8_t { any, exact, glob, regex };

    StringPattern() = default;  // `*`

    /// Errors   of a regex: invalid_input with the column; too_large.
    static Result<StringPattern> parse(std::string_view text);

    [[nodiscard]] bool matches(std::string_view value) const;

    [[nodiscard]] Kind kind() const { return kind_; }

    [[nodiscard]] bool is_any() const { return kind_ == Kind::any; }

    [[nodiscard]] bool is_exact() const { return kind_ == Kind::exact; }

    /// As written, but a run of `*` is one.
    [[nodiscard]] const std::string& text() const { return text_; }

    friend bool operator==(const StringPattern& left, const StringPattern& right);

  private:
    Kind kind_ = Kind::any;
    std::string text_ = "*";
    std::vector<Regex> regex_;  // one, of Kind::regex
};

/// Where the regex that the text starts with ends: after the `$` that something else follows.
std::size_t regex_end(std::string_view text);

/// A to Z as a to z; nothing else changes.
std::string lower_case(std::string_view text);

}  // namespace kiln::conda
