#pragma once

#include "layers/dockerfile/ast.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// One instruction's text: the lines that end in the escape joined with the next, the comments
/// between them gone. It knows where in the file each of its bytes was.
class LogicalLine {
  public:
    explicit LogicalLine(std::string file)
        : file_(std::move(file)) {}

    void append(std::string_view text, std::uint32_t line, std::uint32_t column);

    [[nodiscard]] const std::string& text() const { return text_; }

    /// The place of text()[begin, end). A range over several lines ends with its first line.
    [[nodiscard]] Span span(std::size_t begin, std::size_t end) const;

    std::uint32_t end_line = 0;
    std::vector<std::string> comments;  // the comment lines directly above

  private:
    struct Piece {
        std::size_t offset;
        std::uint32_t line;
        std::uint32_t column;
    };

    std::string file_;
    std::string text_;
    std::vector<Piece> pieces_;
};

/// Takes the file apart into instructions. `text` outlives the lexer.
class Lexer {
  public:
    /// Errors   too_large; invalid_input for a NUL byte, for a bad or repeated directive.
    static Result<Lexer> open(std::string_view text, std::string file);

    /// The next instruction; nullopt at the end.
    Result<std::optional<LogicalLine>> next();

    /// Reads the lines of a heredoc, which follow what next() gave last, into its body.
    /// Errors   invalid_input with the heredoc's place when its end is missing.
    Result<void> read_body(Heredoc& heredoc);

    [[nodiscard]] const Directives& directives() const { return directives_; }

    [[nodiscard]] std::vector<Warning> take_warnings() { return std::move(warnings_); }

    /// The number of the line that was read last.
    [[nodiscard]] std::uint32_t line() const { return line_; }

    [[nodiscard]] Span span_of_line(std::uint32_t line, std::string_view text) const;

  private:
    Lexer(std::string_view rest, std::string file)
        : rest_(rest),
          file_(std::move(file)) {}

    /// With its end; empty at the end of the file.
    std::string_view take_line();
    [[nodiscard]] std::string_view peek_line() const;
    Result<void> read_directives();
    Result<bool> read_directive(std::string_view line);
    /// Without the escape that continues the line; nullopt when there is none.
    [[nodiscard]] std::optional<std::string_view> continued(std::string_view line) const;
    void join_lines(LogicalLine& logical);

    std::string_view rest_;
    std::string file_;
    std::uint32_t line_ = 0;
    Directives directives_;
    std::vector<Warning> warnings_;
};

}  // namespace kiln::dockerfile
