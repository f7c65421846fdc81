#include "layers/dockerfile/expand.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/shell_pattern.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <utility>

namespace kiln::dockerfile {
namespace {

/// Splits what was read into words: blanks count where they were not quoted.
class WordList {
  public:
    void add(std::string_view character) {
        if (!is_space(code_point_at(character, 0).value)) {
            add_quoted(character);
        } else if (!word_.empty()) {
            words_.push_back(std::exchange(word_, {}));
        }
    }

    void add_quoted(std::string_view text) { word_ += text; }

    void add_value(std::string_view text) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = code_point_at(text, at).length;
            add(text.substr(at, length));
            at += length;
        }
    }

    std::vector<std::string> finish() {
        if (!word_.empty()) {
            words_.push_back(std::exchange(word_, {}));
        }
        return std::move(words_);
    }

  private:
    std::string word_;
    std::vector<std::string> words_;
};

enum class Escapes : std::uint8_t { drop, keep };

/// One pass over one word, from left to right.
class Expansion {
  public:
    Expansion(std::string_view text, const Lookup& lookup, const ExpandOptions& options)
        : text_(text),
          lookup_(lookup),
          options_(options) {}

    Result<Expanded> run() {
        const Escapes escapes = options_.keep_escapes ? Escapes::keep : Escapes::drop;
        WordList words;
        TRY_ASSIGN(result_.text, read_until(k_end, escapes, words));
        result_.words = words.finish();
        return std::move(result_);
    }

  private:
    static constexpr char k_end = '\0';

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }

    /// The next byte; '\0' at the end (the lexer lets no NUL in).
    [[nodiscard]] char peek() const { return at_end() ? k_end : text_[at_]; }

    std::string_view next_character() {
        const std::size_t length = code_point_at(text_, at_).length;
        return text_.substr(std::exchange(at_, at_ + length), length);
    }

    static Result<void> check_size(std::size_t size_bytes);
    static Result<void> check_subject(const std::string& name, const std::string& value);
    Result<std::string> read_until(char stop, Escapes escapes, WordList& words);
    Result<std::string> read_single_quoted();
    Result<std::string> read_double_quoted(Escapes escapes);
    Result<std::string> read_variable();
    Result<std::string> read_braces();
    Result<std::string> read_operand(char stop, Escapes escapes);
    Result<std::string> with_default(const std::string& name, bool empty_is_unset);
    Result<std::string> trimmed(const std::string& name);
    Result<std::string> replaced(const std::string& name);
    std::string read_name();
    std::optional<std::string> value_of(const std::string& name);

    std::string_view text_;
    const Lookup& lookup_;
    const ExpandOptions& options_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    Expanded result_;
};

Result<void> Expansion::check_size(std::size_t size_bytes) {
    if (size_bytes > k_expanded_bytes) {
        return fail(
            Code::too_large, "an expanded word may have at most {} bytes", k_expanded_bytes
        );
    }
    return {};
}

Result<void> Expansion::check_subject(const std::string& name, const std::string& value) {
    if (value.size() > k_substituted_bytes) {
        return fail(
            Code::too_large,
            "{} has {} bytes; patterns work on at most {}",
            name,
            value.size(),
            k_substituted_bytes
        );
    }
    return {};
}

/// Everything up to `stop`, which is consumed.
Result<std::string> Expansion::read_until(char stop, Escapes escapes, WordList& words) {
    std::string result;
    while (!at_end()) {
        TRY(check_size(result.size()));
        const char next = peek();
        const bool quotes = !options_.literal_quotes;
        if (stop != k_end && next == stop) {
            ++at_;
            return result;
        }
        if (next == '$') {
            TRY_ASSIGN(const std::string value, read_variable());
            words.add_value(value);
            result += value;
        } else if (quotes && next == '\'') {
            TRY_ASSIGN(const std::string quoted, read_single_quoted());
            words.add_quoted(quoted);
            result += quoted;
        } else if (quotes && next == '"') {
            TRY_ASSIGN(const std::string quoted, read_double_quoted(escapes));
            words.add_quoted(quoted);
            result += quoted;
        } else if (next == options_.escape) {
            if (escapes == Escapes::keep) {
                words.add_quoted(text_.substr(at_, 1));
                result += next;
            }
            ++at_;
            // An escape at the end of the word escapes nothing.
            if (!at_end()) {
                const std::string_view character = next_character();
                words.add_quoted(character);
                result += character;
            }
        } else {
            const std::string_view character = next_character();
            words.add(character);
            result += character;
        }
    }
    if (stop != k_end) {
        return fail(Code::invalid_input, "{} is not closed: a '{}' is missing", text_, stop);
    }
    return result;
}

/// Between single quotes everything is itself, the escape too.
Result<std::string> Expansion::read_single_quoted() {
    const std::size_t close = text_.find('\'', at_ + 1);
    if (close == std::string_view::npos) {
        return fail(Code::invalid_input, "{} has a single quote that is not closed", text_);
    }
    const std::size_t open = std::exchange(at_, close + 1);
    return std::string(
        options_.keep_quotes ? text_.substr(open, close + 1 - open)
                             : text_.substr(open + 1, close - open - 1)
    );
}

/// Between double quotes only '"', '$' and the escape itself can be escaped.
Result<std::string> Expansion::read_double_quoted(Escapes escapes) {
    std::string result;
    if (options_.keep_quotes) {
        result += '"';
    }
    ++at_;
    while (!at_end()) {
        TRY(check_size(result.size()));
        const char next = peek();
        if (next == '"') {
            ++at_;
            if (options_.keep_quotes) {
                result += '"';
            }
            return result;
        }
        if (next == '$') {
            TRY_ASSIGN(const std::string value, read_variable());
            result += value;
            continue;
        }
        ++at_;
        if (next != options_.escape) {
            result += next;
            continue;
        }
        if (escapes == Escapes::keep) {
            result += next;
        }
        const char escaped = peek();
        if (escaped == '"' || escaped == '$' || escaped == options_.escape) {
            result += escaped;
            ++at_;
        } else if (!at_end()) {
            result += next;
        }
    }
    return fail(Code::invalid_input, "{} has a double quote that is not closed", text_);
}

/// At '$'.
Result<std::string> Expansion::read_variable() {
    ++at_;
    if (peek() == '{') {
        ++at_;
        if (depth_ == k_expansion_depth) {
            return fail(
                Code::too_large, "substitutions may be nested at most {} deep", k_expansion_depth
            );
        }
        ++depth_;
        auto result = read_braces();
        --depth_;
        return result;
    }
    const std::string name = read_name();
    if (name.empty()) {
        return std::string("$");
    }
    const auto value = value_of(name);
    return value || !options_.keep_unset ? value.value_or("") : "$" + name;
}

/// Behind "${".
Result<std::string> Expansion::read_braces() {
    if (at_end()) {
        return fail(Code::invalid_input, "{} is not closed: a '}}' is missing", text_);
    }
    const std::string name = read_name();
    if (name.empty()) {
        return fail(Code::invalid_input, "{} has a ${{...}} without a variable's name", text_);
    }
    const char modifier = peek();
    switch (modifier) {
        case '}': {
            ++at_;
            const auto value = value_of(name);
            return value || !options_.keep_unset ? value.value_or("") : "${" + name + "}";
        }
        case ':':
            ++at_;
            return with_default(name, true);
        case '-':
        case '+':
        case '?':
            return with_default(name, false);
        case '#':
        case '%':
            return trimmed(name);
        case '/':
            return replaced(name);
        default:
            break;
    }
    if (at_end()) {
        return fail(Code::invalid_input, "{} is not closed: a '}}' is missing", text_);
    }
    return fail(
        Code::invalid_input,
        "{} has an unknown modifier {} behind {}",
        text_,
        text_.substr(at_, code_point_at(text_, at_).length),
        name
    );
}

Result<std::string> Expansion::read_operand(char stop, Escapes escapes) {
    WordList words;
    return read_until(stop, escapes, words);
}

/// At the '-', '+' or '?'; a ':' before it makes an empty value count as none.
Result<std::string> Expansion::with_default(const std::string& name, bool empty_is_unset) {
    const char modifier = peek();
    if (modifier != '-' && modifier != '+' && modifier != '?') {
        return fail(Code::invalid_input, "{} has an unknown modifier behind {}:", text_, name);
    }
    ++at_;
    TRY_ASSIGN(const std::string operand, read_operand('}', Escapes::drop));
    const auto value = value_of(name);
    if (!value && options_.keep_unset) {
        return "${" + name + (empty_is_unset ? ":" : "") + modifier + operand + "}";
    }
    const bool present = value && !(empty_is_unset && value->empty());
    if (modifier == '-') {
        return present ? *value : operand;
    }
    if (modifier == '+') {
        return present ? operand : std::string();
    }
    if (present) {
        return *value;
    }
    const std::string_view missing = value ? "is not allowed to be empty" : "is not set";
    return fail(
        Code::invalid_input, "{}: {}", name, operand.empty() ? missing : std::string_view(operand)
    );
}

/// At the '#' or '%'.
Result<std::string> Expansion::trimmed(const std::string& name) {
    const char modifier = peek();
    ++at_;
    TRY_ASSIGN(std::string pattern_text, read_operand('}', Escapes::keep));
    const auto value = value_of(name);
    if (!value && options_.keep_unset) {
        return "${" + name + modifier + pattern_text + "}";
    }
    // Doubled only once expanded, as other builders do: ${v#$p} with p=#x is ${v##x}.
    const bool doubled = pattern_text.starts_with(modifier);
    if (doubled) {
        pattern_text.erase(0, 1);
    }
    TRY_ASSIGN(const ShellPattern pattern, ShellPattern::compile(pattern_text));
    const std::string subject = value.value_or("");
    TRY(check_subject(name, subject));
    const Take take = doubled ? Take::longest : Take::shortest;
    return modifier == '#' ? pattern.without_prefix(subject, take)
                           : pattern.without_suffix(subject, take);
}

/// At the '/'.
Result<std::string> Expansion::replaced(const std::string& name) {
    ++at_;
    const Replace which = peek() == '/' ? Replace::all : Replace::first;
    if (which == Replace::all) {
        ++at_;
    }
    TRY_ASSIGN(const std::string pattern_text, read_operand('/', Escapes::keep));
    TRY_ASSIGN(const std::string replacement, read_operand('}', Escapes::keep));
    const auto value = value_of(name);
    if (!value && options_.keep_unset) {
        return "${" + name + (which == Replace::all ? "//" : "/") + pattern_text + "/" + replacement
               + "}";
    }
    TRY_ASSIGN(const ShellPattern pattern, ShellPattern::compile(pattern_text));
    const std::string subject = value.value_or("");
    TRY(check_subject(name, subject));
    return pattern.replace(subject, replacement, which, k_expanded_bytes);
}

/// A name, a positional parameter (all its digits), or one special parameter; empty when none.
std::string Expansion::read_name() {
    constexpr std::string_view k_special = "@*#?-$!0";
    const std::size_t start = at_;
    if (!at_end() && is_digit(static_cast<unsigned char>(peek()))) {
        while (!at_end() && is_digit(static_cast<unsigned char>(peek()))) {
            ++at_;
        }
    } else if (!at_end() && k_special.find(peek()) != std::string_view::npos) {
        ++at_;
    } else {
        while (!at_end()) {
            const CodePoint next = code_point_at(text_, at_);
            if (!is_letter(next.value) && !is_digit(next.value) && next.value != '_') {
                break;
            }
            at_ += next.length;
        }
    }
    return std::string(text_.substr(start, at_ - start));
}

std::optional<std::string> Expansion::value_of(const std::string& name) {
    auto value = lookup_(name);
    (value ? result_.used : result_.unset).insert(name);
    return value;
}

}  // namespace

Result<Expanded> expand(std::string_view text, const Lookup& lookup, const ExpandOptions& options) {
    return Expansion(text, lookup, options).run();
}

namespace {

Result<Expanded> expand_at(
    const std::string& text, const Span& span, const Lookup& lookup, const ExpandOptions& options
) {
    auto result = expand(text, lookup, options);
    if (!result) {
        return fail(std::move(result).error().with_where(span));
    }
    return result;
}

}  // namespace

Result<std::string> expand_word(const Word& word, const Lookup& lookup, char escape) {
    TRY_ASSIGN(auto result, expand_at(word.text, word.span, lookup, {.escape = escape}));
    return std::move(result.text);
}

Result<std::string> expand_word(const FlagValue& flag, const Lookup& lookup, char escape) {
    TRY_ASSIGN(auto result, expand_at(flag.text, flag.span, lookup, {.escape = escape}));
    return std::move(result.text);
}

Result<std::vector<std::string>> expand_words(const Word& word, const Lookup& lookup, char escape) {
    TRY_ASSIGN(auto result, expand_at(word.text, word.span, lookup, {.escape = escape}));
    return std::move(result.words);
}

Result<std::string> expand_body(const Heredoc& heredoc, const Lookup& lookup) {
    std::string text = heredoc.text();
    if (!heredoc.expand) {
        return text;
    }
    // The escape of a body is always a backslash: its text belongs to the file, not to the parser.
    TRY_ASSIGN(auto result, expand_at(text, heredoc.span, lookup, {.literal_quotes = true}));
    return std::move(result.text);
}

}  // namespace kiln::dockerfile
