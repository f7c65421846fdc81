#pragma once

#include "layers/conda/spec/match_spec.hpp"
#include "layers/conda/spec/spec_brackets.hpp"
#include "layers/conda/spec/spec_error.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::conda {

std::string_view key_of(SpecField field);  // as in brackets: `fn`
std::optional<SpecField> field_of(std::string_view key);

/// Reads one MatchSpec: first what stands in front, then the brackets, which override it.
class MatchSpecParser {
  public:
    MatchSpecParser(std::string_view text, SpecForm form)
        : text_(text),
          form_(form) {}

    Result<MatchSpec> parse_whole();

  private:
    /// A part of text_ that knows its place there.
    struct Part {
        std::string_view text;
        std::size_t begin = 0;

        [[nodiscard]] Columns columns() const { return {begin, begin + text.size()}; }

        [[nodiscard]] Part part(std::size_t from, std::size_t to) const;
    };

    [[nodiscard]] static Part trimmed(Part part);
    [[nodiscard]] static std::size_t bracket_begin(std::string_view text);
    [[nodiscard]] static std::size_t comment_begin(std::string_view text);

    Result<void> parse_front(Part front);
    Result<void> parse_package_file(Part front);
    Result<Part> parse_channel_prefix(Part front);
    Result<void> parse_name(Part name);
    Result<void> parse_version_and_build(Part rest);

    Result<void> apply(const BracketPair& pair);
    Result<void> set_version(std::string_view text, std::size_t begin);
    Result<void> set_build(std::string_view text, Columns where);
    Result<void> set_channel(std::string_view text, Columns where);
    Result<void> set_field(SpecField field, std::string_view text, Columns where);
    Result<void> set_extras(const BracketPair& pair);
    Result<void> set_flags(const BracketPair& pair);
    Result<void> set_when(const BracketPair& pair);
    void put(FieldPattern pattern);

    [[nodiscard]] tl::unexpected<Error> refuse_spec(
        std::string_view reason, Columns where, std::string hint = {}
    ) const;

    std::string_view text_;
    SpecForm form_;
    MatchSpec spec_;
};

}  // namespace kiln::conda
