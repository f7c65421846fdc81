#pragma once

#include "layers/conda/spec/version_clause.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Reads the text of a VersionSpec into its tree. Spaces are ignored (cep-29).
class VersionSpecParser {
  public:
    explicit VersionSpecParser(std::string_view text)
        : text_(text) {}

    using Clauses = std::vector<VersionClause>;  // a tree in pre-order

    Result<Clauses> parse_whole();

  private:
    enum class Join : std::uint8_t { any_of, all_of };

    Result<void> parse_joined(Join join, std::size_t depth);
    Result<void> parse_operand(std::size_t depth);
    Result<VersionClause> parse_clause();
    std::string_view take_operator();
    std::string_view take_literal();
    [[nodiscard]] Result<VersionClause> clause_of(
        std::string_view comparison, std::string_view literal, std::size_t begin
    ) const;
    void skip_spaces();
    bool take(char c);
    [[nodiscard]] tl::unexpected<Error> refuse_at(
        std::size_t begin, std::size_t end, std::string_view reason, std::string hint = {}
    ) const;

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t count_ = 0;
    Clauses clauses_;
};

/// Where a version expression at the start of the text ends: before the space or `=` that parts
/// it from a build, or at the end of the text.
std::size_t version_expression_end(std::string_view text);

}  // namespace kiln::conda
