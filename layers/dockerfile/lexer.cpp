#include "layers/dockerfile/lexer.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"
#include "store/base/bytes.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <utility>

namespace kiln::dockerfile {
namespace {

std::string_view without_line_end(std::string_view line) {
    const std::size_t last = line.find_last_not_of("\r\n");
    return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

bool is_comment(std::string_view line) {
    return trim_left(line).starts_with('#');
}

std::uint32_t column_of(std::string_view line, std::string_view part) {
    return static_cast<std::uint32_t>(part.data() - line.data()) + 1;
}

/// A directive's key and value: "escape" and "`".
struct KeyValue {
    std::string key;
    std::string_view value;
};

std::optional<KeyValue> key_value_of(std::string_view comment) {
    std::size_t end = 0;
    while (end < comment.size()) {
        const auto c = static_cast<unsigned char>(comment[end]);
        if (!(c < 0x80 && is_letter(c)) && !(end > 0 && is_digit(c))) {
            break;
        }
        ++end;
    }
    const std::string_view behind = trim_left(comment.substr(end));
    if (end == 0 || !behind.starts_with('=')) {
        return std::nullopt;
    }
    const std::string_view value = trim(behind.substr(1));
    if (value.empty()) {
        return std::nullopt;
    }
    return KeyValue{lower(comment.substr(0, end)), value};
}

}  // namespace

void LogicalLine::append(std::string_view text, std::uint32_t line, std::uint32_t column) {
    pieces_.push_back({text_.size(), line, column});
    text_ += text;
}

Span LogicalLine::span(std::size_t begin, std::size_t end) const {
    auto piece = std::upper_bound(
        pieces_.begin(),
        pieces_.end(),
        begin,
        [](std::size_t offset, const Piece& candidate) { return offset < candidate.offset; }
    );
    // The first piece begins at 0, so there is always one before.
    const std::size_t piece_end = piece == pieces_.end() ? text_.size() : piece->offset;
    --piece;
    const auto column = piece->column + static_cast<std::uint32_t>(begin - piece->offset);
    const std::size_t length = std::clamp(end, begin, std::max(begin, piece_end)) - begin;
    return {file_, piece->line, column, column + static_cast<std::uint32_t>(length)};
}

Result<Lexer> Lexer::open(std::string_view text, std::string file) {
    if (text.size() > k_dockerfile_bytes) {
        return fail(
            Code::too_large,
            "the Dockerfile is {}; at most {} is read",
            render_size(text.size()),
            render_size(k_dockerfile_bytes)
        );
    }
    text = without_byte_order_mark(text);
    if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(nul), '\n');
        const auto start = text.rfind('\n', nul) + 1;  // npos + 1 is 0
        const auto column = static_cast<std::uint32_t>(nul - start) + 1;
        Error error{Code::invalid_input, "the Dockerfile has a NUL byte: it is not a text file"};
        const Span span{std::move(file), static_cast<std::uint32_t>(line), column, column + 1};
        return fail(std::move(error).with_where(span));
    }
    Lexer lexer(text, std::move(file));
    TRY(lexer.read_directives());
    return lexer;
}

std::string_view Lexer::peek_line() const {
    const std::size_t end = rest_.find('\n');
    return end == std::string_view::npos ? rest_ : rest_.substr(0, end + 1);
}

std::string_view Lexer::take_line() {
    const std::string_view line = peek_line();
    rest_.remove_prefix(line.size());
    ++line_;
    return line;
}

Span Lexer::span_of_line(std::uint32_t line, std::string_view text) const {
    return {file_, line, 1, static_cast<std::uint32_t>(text.size()) + 1};
}

/// Directives stand before everything else, blank lines and other comments included.
Result<void> Lexer::read_directives() {
    while (!rest_.empty()) {
        TRY_ASSIGN(const bool found, read_directive(without_line_end(peek_line())));
        if (!found) {
            break;
        }
        take_line();
    }
    return {};
}

Result<bool> Lexer::read_directive(std::string_view line) {
    const std::string_view hash = trim_left(line);
    if (!hash.starts_with('#')) {
        return false;
    }
    const auto directive = key_value_of(trim_left(hash.substr(1)));
    if (!directive) {
        return false;
    }
    const std::uint32_t column = column_of(line, directive->value);
    const auto length = static_cast<std::uint32_t>(directive->value.size());
    const Span span{file_, line_ + 1, column, column + length};
    const bool is_escape = directive->key == "escape";
    const bool is_syntax = directive->key == "syntax";
    if (!is_escape && !is_syntax && directive->key != "check") {
        return false;
    }
    std::optional<Word>& kept = is_escape   ? directives_.escape_written
                                : is_syntax ? directives_.syntax
                                            : directives_.check;
    if (kept) {
        Error error{Code::invalid_input, "only one " + directive->key + " directive may be given"};
        return fail(std::move(error).with_where(span));
    }
    if (is_escape) {
        if (directive->value != "\\" && directive->value != "`") {
            Error error{Code::invalid_input, "the escape must be \\ or `"};
            return fail(std::move(error).with_where(span));
        }
        directives_.escape = directive->value.front();
    }
    kept = Word{std::string(directive->value), span};
    return true;
}

Result<std::optional<LogicalLine>> Lexer::next() {
    std::vector<std::string> comments;
    while (!rest_.empty()) {
        const std::string_view line = without_line_end(take_line());
        const std::string_view text = trim_left(line);
        if (text.empty()) {
            comments.clear();
            continue;
        }
        if (text.starts_with('#')) {
            comments.emplace_back(trim(text.substr(1)));
            continue;
        }
        LogicalLine logical(file_);
        const auto shortened = continued(text);
        logical.append(shortened.value_or(text), line_, column_of(line, text));
        if (shortened) {
            join_lines(logical);
        }
        if (logical.text().size() > k_instruction_bytes) {
            Error error{
                Code::too_large,
                fmt::format(
                    "the instruction has {} bytes; at most {} are read",
                    logical.text().size(),
                    k_instruction_bytes
                )};
            return fail(std::move(error).with_where(logical.span(0, text.size())));
        }
        // Nothing but escapes: as a blank line.
        if (trim(logical.text()).empty()) {
            continue;
        }
        logical.end_line = line_;
        logical.comments = std::move(comments);
        return logical;
    }
    return std::nullopt;
}

/// The lines that continue the first one: their comments and blank lines do not count.
void Lexer::join_lines(LogicalLine& logical) {
    bool warned = false;
    while (!rest_.empty()) {
        const std::string_view line = without_line_end(take_line());
        if (is_comment(line)) {
            continue;
        }
        if (trim_left(line).empty()) {
            if (!std::exchange(warned, true)) {
                warnings_.push_back(
                    {"NoEmptyContinuation",
                     "an instruction goes on after this empty line",
                     span_of_line(line_, line)}
                );
            }
            continue;
        }
        const auto shortened = continued(line);
        logical.append(shortened.value_or(line), line_, 1);
        if (!shortened) {
            break;
        }
    }
}

/// The escape continues a line when only blanks follow it, unless another escape is before it.
std::optional<std::string_view> Lexer::continued(std::string_view line) const {
    const std::size_t last = line.find_last_not_of(" \t");
    if (last == std::string_view::npos || line[last] != directives_.escape) {
        return std::nullopt;
    }
    if (last > 0 && line[last - 1] == directives_.escape) {
        return std::nullopt;
    }
    return line.substr(0, last);
}

Result<void> Lexer::read_body(Heredoc& heredoc) {
    heredoc.body_line = line_ + 1;
    while (!rest_.empty()) {
        const std::string_view line = take_line();
        std::string_view mark = without_line_end(line);
        if (heredoc.strip_tabs) {
            mark.remove_prefix(std::min(mark.find_first_not_of('\t'), mark.size()));
        }
        if (mark == heredoc.name) {
            return {};
        }
        heredoc.body += line;
    }
    Error error{Code::invalid_input, "the heredoc never ends: no line is just " + heredoc.name};
    return fail(std::move(error).with_where(heredoc.span));
}

}  // namespace kiln::dockerfile
