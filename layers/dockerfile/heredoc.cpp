#include "layers/dockerfile/heredoc.hpp"

#include "layers/dockerfile/expand.hpp"
#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <charconv>

namespace kiln::dockerfile {
namespace {

std::optional<std::string> nothing_is_set(std::string_view) {
    return std::nullopt;
}

std::ptrdiff_t count_quotes(std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; });
}

/// How many bytes of the word stand before its `<<`: the digits of a file descriptor.
std::optional<std::size_t> digits_before_mark(std::string_view word) {
    const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
    if (!word.substr(digits).starts_with("<<")) {
        return std::nullopt;
    }
    return digits;
}

}  // namespace

std::string Heredoc::text() const {
    if (!strip_tabs) {
        return body;
    }
    std::string result;
    bool at_line_start = true;
    for (const char c : body) {
        if (at_line_start && c == '\t') {
            continue;
        }
        at_line_start = c == '\n';
        result += c;
    }
    return result;
}

Result<std::optional<Heredoc>> parse_heredoc_word(std::string_view word) {
    const auto digits = digits_before_mark(word);
    if (!digits) {
        return std::nullopt;
    }
    std::string_view name = word.substr(*digits + 2);
    Heredoc heredoc;
    if (name.starts_with('-')) {
        heredoc.strip_tabs = true;
        name.remove_prefix(1);
    }
    if (name.empty() || name.find('<') != std::string_view::npos) {
        return std::nullopt;
    }
    TRY_ASSIGN(const auto bare, expand(name, nothing_is_set, {.keep_unset = true}));
    if (bare.words.size() != 1) {
        return std::nullopt;
    }
    TRY_ASSIGN(
        const auto quoted, expand(name, nothing_is_set, {.keep_quotes = true, .keep_unset = true})
    );
    heredoc.name = bare.words.front();
    heredoc.expand = count_quotes(heredoc.name) == count_quotes(quoted.text);
    std::from_chars(word.data(), word.data() + *digits, heredoc.file_descriptor);
    return heredoc;
}

Result<std::vector<Heredoc>> find_heredocs(const LogicalLine& line) {
    std::vector<Heredoc> heredocs;
    const std::string_view text = line.text();
    if (text.find("<<") == std::string_view::npos) {
        return heredocs;
    }
    const auto words = expand(
        text, nothing_is_set, {.keep_quotes = true, .keep_escapes = true, .keep_unset = true}
    );
    // What no shell could split has no heredocs; the shell will say what is wrong.
    if (!words) {
        return heredocs;
    }
    std::size_t searched = 0;
    for (const std::string& word : words->words) {
        auto parsed = parse_heredoc_word(word);
        if (parsed && !*parsed) {
            continue;
        }
        // A word that holds a substitution may be spelt otherwise than in the text.
        const std::size_t begin = std::min(text.find(word, searched), text.find("<<", searched));
        const std::size_t end = std::min(begin + word.size(), text.size());
        const Span span = line.span(std::min(begin, text.size()), end);
        if (!parsed) {
            return fail(std::move(parsed).error().with_where(span));
        }
        if (heredocs.size() == k_heredocs) {
            Error error{
                Code::too_large,
                fmt::format("an instruction may have at most {} heredocs", k_heredocs)};
            return fail(std::move(error).with_where(span));
        }
        (*parsed)->span = span;
        heredocs.push_back(std::move(**parsed));
        searched = end;
    }
    return heredocs;
}

}  // namespace kiln::dockerfile
