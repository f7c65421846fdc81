#include "layers/dockerfile/pattern.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <bit>

namespace kiln::dockerfile {
namespace {

/// Bytes that are no UTF-8 stay apart from each other: they take the places of surrogates.
struct Character {
    char32_t value;
    std::size_t length;
};

Character character_at(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
        return {byte, 1};
    }
    const CodePoint point = code_point_at(text, at);
    return {point.length == 1 ? 0xDC00U + byte : point.value, point.length};
}

/// The states of a machine with up to 64 of them.
class FewStates {
  public:
    explicit FewStates(std::size_t) {}

    void add(std::size_t state) { bits_ |= std::uint64_t{1} << state; }

    [[nodiscard]] bool has(std::size_t state) const { return ((bits_ >> state) & 1U) != 0; }

    [[nodiscard]] bool none() const { return bits_ == 0; }

    void clear() { bits_ = 0; }

    template<class Visit>
    void each(Visit visit) const {
        for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
            visit(static_cast<std::size_t>(std::countr_zero(rest)));
        }
    }

  private:
    std::uint64_t bits_ = 0;
};

class ManyStates {
  public:
    explicit ManyStates(std::size_t count)
        : bits_(count, false) {}

    void add(std::size_t state) { bits_[state] = true; }

    [[nodiscard]] bool has(std::size_t state) const { return bits_[state]; }

    [[nodiscard]] bool none() const {
        return std::find(bits_.begin(), bits_.end(), true) == bits_.end();
    }

    void clear() { bits_.assign(bits_.size(), false); }

    template<class Visit>
    void each(Visit visit) const {
        for (std::size_t i = 0; i < bits_.size(); ++i) {
            if (bits_[i]) {
                visit(i);
            }
        }
    }

  private:
    std::vector<bool> bits_;
};

constexpr std::size_t k_few_states = 64;

bool ends_part(std::string_view path, std::size_t end) {
    return end == path.size() || path[end] == '/';
}

tl::unexpected<Error> bad_pattern(std::string_view text, std::string_view why) {
    return fail(Code::invalid_input, "the pattern {} is not valid: {}", text, why);
}

void append_character(std::string& text, char32_t value) {
    const auto put = [&text](char32_t byte) { text += static_cast<char>(byte); };
    if (value < 0x80) {
        put(value);
    } else if (value >= 0xDC80 && value <= 0xDCFF) {
        put(value - 0xDC00);
    } else if (value < 0x800) {
        put(0xC0 | (value >> 6U));
        put(0x80 | (value & 0x3FU));
    } else if (value < 0x10000) {
        put(0xE0 | (value >> 12U));
        put(0x80 | ((value >> 6U) & 0x3FU));
        put(0x80 | (value & 0x3FU));
    } else {
        put(0xF0 | (value >> 18U));
        put(0x80 | ((value >> 12U) & 0x3FU));
        put(0x80 | ((value >> 6U) & 0x3FU));
        put(0x80 | (value & 0x3FU));
    }
}

}  // namespace

Result<Pattern> Pattern::ignore(std::string_view text) {
    return compile(text, true);
}

Result<Pattern> Pattern::glob(std::string_view text) {
    return compile(text, false);
}

Result<Pattern> Pattern::compile(std::string_view text, bool with_double_stars) {
    if (text.size() > k_pattern_bytes) {
        return fail(
            Code::too_large,
            "a pattern has {} bytes; at most {} are read",
            text.size(),
            k_pattern_bytes
        );
    }
    Pattern pattern;
    for (std::size_t at = 0; at < text.size();) {
        const Character next = character_at(text, at);
        switch (next.value) {
            case '*':
                if (with_double_stars && text.substr(at).starts_with("**")) {
                    pattern.add_double_star(text, at);
                } else {
                    pattern.tokens_.push_back({.kind = Token::Kind::star});
                    ++at;
                }
                continue;
            case '?':
                pattern.tokens_.push_back({.kind = Token::Kind::any});
                break;
            case '[':
                TRY(pattern.add_class(text, at));
                continue;
            case '\\': {
                if (++at == text.size()) {
                    return bad_pattern(text, "it ends in a backslash");
                }
                const Character escaped = character_at(text, at);
                pattern.tokens_.push_back({.value = escaped.value});
                at += escaped.length;
                continue;
            }
            default:
                pattern.tokens_.push_back({.value = next.value});
                break;
        }
        at += next.length;
    }
    pattern.choose_shape();
    return pattern;
}

/// At "**". `**/` is any number of directories, `**` at the end everything below.
void Pattern::add_double_star(std::string_view text, std::size_t& at) {
    const bool first = at == 0;
    at += 2;
    const bool with_slash = at < text.size() && text[at] == '/';
    at += with_slash ? 1 : 0;
    // `**x` with nothing but plain text behind is the end of any name; other builders have it so.
    const bool plain = text.find_first_of("*?[]\\", at) == std::string_view::npos;
    if (at == text.size() || (first && !with_slash && plain)) {
        tokens_.push_back({.kind = Token::Kind::rest});
    } else {
        tokens_.push_back({.kind = Token::Kind::optional});
        tokens_.push_back({.kind = Token::Kind::directory});
    }
}

/// At '['. As Go reads classes: '-' and ']' stand for themselves only when escaped.
Result<void> Pattern::add_class(std::string_view text, std::size_t& at) {
    Token token{.kind = Token::Kind::one_of};
    const auto read_bound = [&]() -> Result<char32_t> {
        if (at < text.size() && text[at] == '\\') {
            ++at;
        } else if (at < text.size() && (text[at] == '-' || text[at] == ']')) {
            return bad_pattern(text, "a class has - or ] where a character must be");
        }
        if (at == text.size()) {
            return bad_pattern(text, "a class is not closed");
        }
        const Character bound = character_at(text, at);
        at += bound.length;
        return bound.value;
    };
    ++at;
    if (at < text.size() && text[at] == '^') {
        token.negated = true;
        ++at;
    }
    do {
        TRY_ASSIGN(const char32_t first, read_bound());
        char32_t last = first;
        if (at < text.size() && text[at] == '-') {
            ++at;
            TRY_ASSIGN(last, read_bound());
        }
        token.ranges.push_back({first, last});
        if (at == text.size()) {
            return bad_pattern(text, "a class is not closed");
        }
    } while (text[at] != ']');
    ++at;
    tokens_.push_back(std::move(token));
    return {};
}

/// The plain text from a token up to the first one that is none.
std::string Pattern::literal_from(std::size_t first) const {
    std::string text;
    for (std::size_t i = first; i < tokens_.size(); ++i) {
        if (tokens_[i].kind != Token::Kind::character) {
            break;
        }
        append_character(text, tokens_[i].value);
    }
    return text;
}

void Pattern::choose_shape() {
    using Kind = Token::Kind;
    const auto plain = [this](std::size_t first, std::size_t last) {
        const auto begin = tokens_.begin();
        return std::all_of(
            begin + static_cast<std::ptrdiff_t>(first),
            begin + static_cast<std::ptrdiff_t>(last),
            [](const Token& token) { return token.kind == Kind::character; }
        );
    };
    const auto plain_from = [&](std::size_t first) { return plain(first, tokens_.size()); };
    const auto plain_in_name = [&](std::size_t first) {
        return plain_from(first) && literal_from(first).find('/') == std::string::npos;
    };
    const auto kind = [this](std::size_t i) {
        return i < tokens_.size() ? tokens_[i].kind : Kind::any;
    };
    text_ = literal_from(0);
    if (plain_from(0)) {
        shape_ = Shape::literal;
    } else if (kind(0) == Kind::rest && plain_from(1)) {
        text_ = literal_from(1);
        shape_ = text_.empty() ? Shape::everything : Shape::ends;
    } else if (tokens_.back().kind == Kind::rest && plain(0, tokens_.size() - 1)) {
        shape_ = Shape::starts;
    } else if (kind(0) == Kind::optional && plain_from(2)) {
        text_ = literal_from(2);
        shape_ = Shape::parts;
    } else if (kind(0) == Kind::optional && kind(2) == Kind::star && plain_in_name(3)) {
        text_ = literal_from(3);
        shape_ = text_.empty() ? Shape::everything : Shape::ends;
    } else if (kind(0) == Kind::star && plain_in_name(1)) {
        text_ = literal_from(1);
        shape_ = Shape::name_ends;
    }
}

bool Pattern::Token::in_ranges(char32_t character) const {
    return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
        return range.first <= character && character <= range.last;
    });
}

bool Pattern::Token::takes(char32_t character) const {
    switch (kind) {
        case Kind::character:
            return character == value;
        case Kind::any:
        case Kind::star:
            return character != '/';
        case Kind::one_of:
            return negated != in_ranges(character);
        case Kind::rest:
        case Kind::directory:
            return true;
        case Kind::optional:
            return false;
    }
    return false;
}

bool Pattern::matches(std::string_view path) const {
    return run(path, Scope::whole);
}

bool Pattern::matches_path_or_parent(std::string_view path) const {
    switch (shape_) {
        case Shape::everything:
            return true;
        case Shape::literal:
            return path.starts_with(text_) && ends_part(path, text_.size());
        case Shape::starts:
            return path.starts_with(text_);
        case Shape::name_ends:
            return path.substr(0, path.find('/')).ends_with(text_);
        case Shape::parts:
        case Shape::ends:
            for (auto at = path.find(text_); at != path.npos; at = path.find(text_, at + 1)) {
                const bool starts_part = at == 0 || path[at - 1] == '/';
                if ((shape_ == Shape::ends || starts_part) && ends_part(path, at + text_.size())) {
                    return true;
                }
            }
            return false;
        case Shape::general:
            break;
    }
    return path.starts_with(text_) && run(path, Scope::or_parent);
}

bool Pattern::may_match_below(std::string_view directory) const {
    return run(directory, Scope::below);
}

bool Pattern::run(std::string_view path, Scope scope) const {
    const std::size_t count = tokens_.size() + 1;
    if (count <= k_few_states) {
        return run_with(FewStates(count), FewStates(count), path, scope);
    }
    return run_with(ManyStates(count), ManyStates(count), path, scope);
}

/// All ways through the pattern at once, so that no path makes it try again.
template<class States>
bool Pattern::run_with(States now, States next, std::string_view path, Scope scope) const {
    const std::size_t accept = tokens_.size();
    const auto enter = [&](States& states, std::size_t state) {
        states.add(state);
        // What may take nothing is entered and left at once.
        for (; state < accept; ++state) {
            const Token::Kind kind = tokens_[state].kind;
            if (kind == Token::Kind::optional) {
                states.add(++state);
            } else if (kind != Token::Kind::star && kind != Token::Kind::rest) {
                break;
            }
            states.add(state + 1);
        }
    };
    const auto step = [&](char32_t character) {
        next.clear();
        now.each([&](std::size_t state) {
            if (state == accept || !tokens_[state].takes(character)) {
                return;
            }
            const Token::Kind kind = tokens_[state].kind;
            if (kind == Token::Kind::star || kind == Token::Kind::rest) {
                enter(next, state);
            } else if (kind == Token::Kind::directory) {
                next.add(state);
                if (character == '/') {
                    enter(next, state + 1);
                }
            } else {
                enter(next, state + 1);
            }
        });
        std::swap(now, next);
    };
    enter(now, 0);
    for (std::size_t at = 0; at < path.size();) {
        if (scope == Scope::or_parent && at > 0 && path[at] == '/' && now.has(accept)) {
            return true;
        }
        const Character character = character_at(path, at);
        step(character.value);
        if (now.none()) {
            return false;
        }
        at += character.length;
    }
    if (scope != Scope::below) {
        return now.has(accept);
    }
    step('/');
    return !now.none();
}

Result<bool> glob_match(std::string_view pattern, std::string_view name) {
    TRY_ASSIGN(const Pattern compiled, Pattern::glob(pattern));
    return compiled.matches(name);
}

bool has_wildcards(std::string_view text) {
    return text.find_first_of("*?[\\") != std::string_view::npos;
}

std::string clean_path(std::string_view path) {
    const bool absolute = path.starts_with('/');
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part == ".." && !parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (part == ".." ? !absolute : !part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string result = absolute ? "/" : "";
    for (const std::string_view part : parts) {
        result += part;
        result += '/';
    }
    if (!parts.empty()) {
        result.pop_back();
    }
    return result.empty() ? "." : result;
}

}  // namespace kiln::dockerfile
