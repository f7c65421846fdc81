#include "layers/dockerfile/shell_pattern.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <ranges>

namespace kiln::dockerfile {
namespace {

std::vector<std::string_view> characters_of(std::string_view text) {
    std::vector<std::string_view> characters;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = code_point_at(text, at).length;
        characters.push_back(text.substr(at, length));
        at += length;
    }
    return characters;
}

std::string join(const std::vector<std::string_view>& characters, std::size_t first) {
    std::string text;
    for (std::size_t i = first; i < characters.size(); ++i) {
        text += characters[i];
    }
    return text;
}

}  // namespace

Result<ShellPattern> ShellPattern::compile(std::string_view text) {
    if (text.size() > k_shell_pattern_bytes) {
        return fail(
            Code::too_large,
            "a pattern in a substitution has {} bytes; at most {} are read",
            text.size(),
            k_shell_pattern_bytes
        );
    }
    ShellPattern pattern;
    const auto characters = characters_of(text);
    for (std::size_t i = 0; i < characters.size(); ++i) {
        if (characters[i] == "*") {
            pattern.tokens_.push_back({Token::Kind::star});
        } else if (characters[i] == "?") {
            pattern.tokens_.push_back({Token::Kind::any});
        } else if (characters[i] != "\\") {
            pattern.tokens_.push_back({Token::Kind::text, std::string(characters[i])});
        } else {
            const std::string_view next = i + 1 < characters.size() ? characters[i + 1] : "";
            // '}' and '/' are escaped because of the substitution around, not for the pattern.
            if (next == "}" || next == "/") {
                continue;
            }
            if (next != "*" && next != "?" && next != "\\") {
                return fail(Code::invalid_input, "the pattern {} has a stray \\{}", text, next);
            }
            pattern.tokens_.push_back({Token::Kind::text, std::string(next)});
            ++i;
        }
    }
    return pattern;
}

std::string ShellPattern::without_prefix(std::string_view value, Take take) const {
    const Characters characters = characters_of(value);
    const auto end = match_from(characters, 0, take);
    return end ? join(characters, *end) : std::string(value);
}

std::string ShellPattern::without_suffix(std::string_view value, Take take) const {
    Characters characters = characters_of(value);
    std::ranges::reverse(characters);
    const auto end = reversed().match_from(characters, 0, take);
    if (!end) {
        return std::string(value);
    }
    characters.erase(characters.begin(), characters.begin() + static_cast<std::ptrdiff_t>(*end));
    std::ranges::reverse(characters);
    return join(characters, 0);
}

Result<std::string> ShellPattern::replace(
    std::string_view value, std::string_view replacement, Replace which, std::size_t limit_bytes
) const {
    const Characters characters = characters_of(value);
    const std::vector<bool> starts = possible_starts(characters);
    std::string result;
    std::size_t at = 0;
    bool replaced = false;
    bool after_match = false;
    // A pattern with a star matches at most once (the longest match reaches its last tail), one
    // without has a fixed length: so this loop is linear.
    while (at <= characters.size()) {
        if (result.size() > limit_bytes) {
            return fail(Code::too_large, "a substitution may yield at most {} bytes", limit_bytes);
        }
        const bool wanted = which == Replace::all || !replaced;
        if (wanted && starts[at]) {
            const std::size_t end = match_from(characters, at, Take::longest).value_or(at);
            // An empty match right behind another one does not count.
            if (end > at || !after_match) {
                result += replacement;
                replaced = true;
            }
            after_match = end > at;
            if (after_match) {
                at = end;
                continue;
            }
        }
        if (at < characters.size()) {
            result += characters[at];
        }
        after_match = false;
        ++at;
    }
    return result;
}

/// Where a match that begins at `start` ends.
std::optional<std::size_t> ShellPattern::match_from(
    const Characters& value, std::size_t start, Take take
) const {
    States states(tokens_.size() + 1, false);
    states[0] = true;
    skip_stars(states);
    std::optional<std::size_t> end;
    for (std::size_t at = start;; ++at) {
        if (states.back()) {
            end = at;
            if (take == Take::shortest) {
                break;
            }
        }
        if (at == value.size() || std::ranges::find(states, true) == states.end()) {
            break;
        }
        states = step(states, value[at]);
    }
    return end;
}

/// For every position whether some match begins there: one run from right to left.
std::vector<bool> ShellPattern::possible_starts(const Characters& value) const {
    const ShellPattern backwards = reversed();
    std::vector<bool> starts(value.size() + 1, false);
    States states(tokens_.size() + 1, false);
    for (std::size_t at = value.size() + 1; at-- > 0;) {
        if (at < value.size()) {
            states = backwards.step(states, value[at]);
        }
        states[0] = true;
        backwards.skip_stars(states);
        starts[at] = states.back();
    }
    return starts;
}

ShellPattern ShellPattern::reversed() const {
    ShellPattern result = *this;
    std::ranges::reverse(result.tokens_);
    return result;
}

ShellPattern::States ShellPattern::step(const States& states, std::string_view character) const {
    States after(states.size(), false);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        if (!states[i]) {
            continue;
        }
        const Token& token = tokens_[i];
        if (token.kind == Token::Kind::star) {
            after[i] = true;
        } else if (token.kind == Token::Kind::any || token.character == character) {
            after[i + 1] = true;
        }
    }
    skip_stars(after);
    return after;
}

void ShellPattern::skip_stars(States& states) const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
        if (states[i] && tokens_[i].kind == Token::Kind::star) {
            states[i + 1] = true;
        }
    }
}

}  // namespace kiln::dockerfile
