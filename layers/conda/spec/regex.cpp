#include "layers/conda/spec/regex.hpp"

#include "layers/conda/spec/spec_error.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace kiln::conda {

namespace {

using Instruction = Regex::Instruction;
using Kind = Instruction::Kind;
using ByteClass = Regex::ByteClass;
using Program = std::vector<Instruction>;

constexpr std::uint32_t k_unbounded = ~0U;

/// A case belongs to both cases: the text is never folded.
void add_byte(ByteClass& bytes, unsigned char byte) {
    bytes.set(byte);
    if (byte >= 'a' && byte <= 'z') {
        bytes.set(byte - 'a' + std::size_t{'A'});
    } else if (byte >= 'A' && byte <= 'Z') {
        bytes.set(byte - 'A' + std::size_t{'a'});
    }
}

void add_range(ByteClass& bytes, unsigned first, unsigned last) {
    for (unsigned byte = first; byte <= last; ++byte) {
        add_byte(bytes, static_cast<unsigned char>(byte));
    }
}

/// \d \w \s and their opposites.
std::optional<ByteClass> named_class(char letter) {
    ByteClass bytes;
    switch (letter) {
        case 'd':
        case 'D':
            add_range(bytes, '0', '9');
            break;
        case 'w':
        case 'W':
            add_range(bytes, '0', '9');
            add_range(bytes, 'a', 'z');
            bytes.set('_');
            break;
        case 's':
        case 'S':
            add_range(bytes, '\t', '\r');
            bytes.set(' ');
            break;
        default:
            return std::nullopt;
    }
    return letter < 'a' ? ~bytes : bytes;
}

}  // namespace

/// Recursive descent; every part becomes a program whose jumps are relative to its own start.
class RegexParser {
  public:
    explicit RegexParser(std::string_view text)
        : text_(text) {}

    Result<Program> parse_whole() {
        TRY_ASSIGN(Program program, parse_alternatives(0));
        if (at_ < text_.size()) {
            return refuse_here("unbalanced ')'");
        }
        program.push_back({.kind = Kind::accept});
        return program;
    }

    std::vector<ByteClass> take_classes() { return std::move(classes_); }

  private:
    Result<Program> parse_alternatives(std::size_t depth);
    Result<Program> parse_sequence(std::size_t depth);
    Result<Program> parse_atom(std::size_t depth);
    Result<Program> parse_group(std::size_t depth);
    Result<Program> parse_class();
    Result<ByteClass> parse_escape();
    Result<Program> parse_repeats(Program atom);
    std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_bounds();
    std::optional<std::uint32_t> parse_count();
    Result<Program> repeat(const Program& atom, std::uint32_t least, std::uint32_t most) const;
    Program one_of(const ByteClass& bytes);

    [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

    bool take(char c) {
        const bool there = next_is(c);
        at_ += there ? 1 : 0;
        return there;
    }

    [[nodiscard]] tl::unexpected<Error> refuse_here(std::string_view reason) const {
        return refuse(
            Code::invalid_input,
            fmt::format("the regular expression {} is not understood: {}", quoted(text_), reason),
            {at_, std::min(at_ + 1, text_.size())},
            "groups, classes, * + ? {m,n} and | are understood; lookaround and backreferences are "
            "not"
        );
    }

    [[nodiscard]] tl::unexpected<Error> refuse_size() const {
        return refuse(
            Code::too_large,
            fmt::format(
                "the regular expression {} is too big: at most {} steps are taken",
                quoted(text_),
                k_regex_instructions
            ),
            {0, text_.size()}
        );
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<ByteClass> classes_;
};

namespace {

/// Appends a part, its jumps moved to where it now stands.
void append(Program& program, const Program& part) {
    const auto base = static_cast<std::uint32_t>(program.size());
    for (Instruction instruction : part) {
        if (instruction.kind == Kind::split || instruction.kind == Kind::jump) {
            instruction.first += base;
            instruction.second += base;
        }
        program.push_back(instruction);
    }
}

std::uint32_t size_of(const Program& program) {
    return static_cast<std::uint32_t>(program.size());
}

}  // namespace

Result<Program> RegexParser::parse_alternatives(std::size_t depth) {
    if (depth > k_regex_depth) {
        return refuse_size();
    }
    TRY_ASSIGN(Program left, parse_sequence(depth));
    while (take('|')) {
        TRY_ASSIGN(const Program right, parse_sequence(depth));
        Program both{{.kind = Kind::split, .first = 1, .second = size_of(left) + 2}};
        append(both, left);
        both.push_back({.kind = Kind::jump, .first = size_of(left) + size_of(right) + 2});
        append(both, right);
        if (both.size() > k_regex_instructions) {
            return refuse_size();
        }
        left = std::move(both);
    }
    return left;
}

Result<Program> RegexParser::parse_sequence(std::size_t depth) {
    Program sequence;
    while (at_ < text_.size() && !next_is('|') && !next_is(')')) {
        TRY_ASSIGN(Program atom, parse_atom(depth));
        TRY_ASSIGN(const Program repeated, parse_repeats(std::move(atom)));
        append(sequence, repeated);
        if (sequence.size() > k_regex_instructions) {
            return refuse_size();
        }
    }
    return sequence;
}

Result<Program> RegexParser::parse_atom(std::size_t depth) {
    const char c = text_[at_];
    switch (c) {
        case '(':
            return parse_group(depth);
        case '[':
            return parse_class();
        case '*':
        case '+':
        case '?':
            return refuse_here("nothing to repeat");
        case '^':
            ++at_;
            return Program{{.kind = Kind::at_start}};
        case '$':
            ++at_;
            return Program{{.kind = Kind::at_end}};
        case '.':
            ++at_;
            return one_of(ByteClass{}.set().reset('\n'));
        case '\\': {
            TRY_ASSIGN(const ByteClass bytes, parse_escape());
            return one_of(bytes);
        }
        default: {
            ++at_;
            ByteClass bytes;
            add_byte(bytes, static_cast<unsigned char>(c));
            return one_of(bytes);
        }
    }
}

Result<Program> RegexParser::parse_group(std::size_t depth) {
    ++at_;
    if (take('?') && !take(':')) {
        return refuse_here("only (?: may follow an opening parenthesis");
    }
    TRY_ASSIGN(Program inner, parse_alternatives(depth + 1));
    if (!take(')')) {
        return refuse_here("a ')' is missing");
    }
    return inner;
}

Result<Program> RegexParser::parse_class() {
    ++at_;
    const bool negated = take('^');
    ByteClass bytes;
    for (bool first = true; first || !next_is(']'); first = false) {
        if (at_ >= text_.size()) {
            return refuse_here("a ']' is missing");
        }
        if (next_is('\\')) {
            TRY_ASSIGN(const ByteClass escaped, parse_escape());
            bytes |= escaped;
            continue;
        }
        const auto low = static_cast<unsigned char>(text_[at_++]);
        auto high = low;
        if (next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
            high = static_cast<unsigned char>(text_[at_ + 1]);
            if (high < low || high == '\\') {
                return refuse_here("this is no range");
            }
            at_ += 2;
        }
        add_range(bytes, low, high);
    }
    ++at_;
    return one_of(negated ? ~bytes : bytes);
}

Result<ByteClass> RegexParser::parse_escape() {
    if (at_ + 1 >= text_.size()) {
        return refuse_here("nothing follows the backslash");
    }
    const char c = text_[at_ + 1];
    std::optional<ByteClass> bytes = named_class(c);
    if (!bytes) {
        const bool letter_or_digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter_or_digit) {
            return refuse_here("this escape is not known");
        }
        bytes.emplace();
        add_byte(*bytes, static_cast<unsigned char>(c));
    }
    at_ += 2;
    return *bytes;
}

Result<Program> RegexParser::parse_repeats(Program atom) {
    for (;;) {
        std::uint32_t least = 0;
        std::uint32_t most = k_unbounded;
        if (take('*')) {
        } else if (take('+')) {
            least = 1;
        } else if (take('?')) {
            most = 1;
        } else if (const auto bounds = parse_bounds()) {
            std::tie(least, most) = *bounds;
        } else {
            return atom;
        }
        // A lazy repetition finds the same texts.
        take('?');
        if (most < least) {
            return refuse_here("the bounds are the wrong way round");
        }
        TRY_ASSIGN(atom, repeat(atom, least, most));
    }
}

/// {m} {m,} {,n} {m,n}; anything else in braces is text, as in Python.
std::optional<std::pair<std::uint32_t, std::uint32_t>> RegexParser::parse_bounds() {
    const std::size_t start = at_;
    if (take('{')) {
        const auto least = parse_count();
        const bool comma = take(',');
        const auto most = comma ? parse_count() : least;
        if (take('}') && (least || most)) {
            return std::pair(least.value_or(0), most.value_or(k_unbounded));
        }
    }
    at_ = start;
    return std::nullopt;
}

std::optional<std::uint32_t> RegexParser::parse_count() {
    std::optional<std::uint32_t> count;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
        const std::uint32_t next = count.value_or(0) * 10 + static_cast<unsigned>(text_[at_] - '0');
        count = std::min<std::uint32_t>(next, k_regex_instructions + 1);
        ++at_;
    }
    return count;
}

Result<Program> RegexParser::repeat(const Program& atom, std::uint32_t least, std::uint32_t most)
    const {
    const std::uint64_t copies = most == k_unbounded ? std::uint64_t{least} + 1 : most;
    if (copies * (atom.size() + 2) > k_regex_instructions) {
        return refuse_size();
    }
    Program program;
    for (std::uint32_t i = 0; i < least; ++i) {
        append(program, atom);
    }
    if (most == k_unbounded) {
        const std::uint32_t start = size_of(program);
        const std::uint32_t end = start + size_of(atom) + 2;
        program.push_back({.kind = Kind::split, .first = start + 1, .second = end});
        append(program, atom);
        program.push_back({.kind = Kind::jump, .first = start});
        return program;
    }
    const std::uint32_t end = size_of(program) + (most - least) * (size_of(atom) + 1);
    for (std::uint32_t i = least; i < most; ++i) {
        program.push_back({.kind = Kind::split, .first = size_of(program) + 1, .second = end});
        append(program, atom);
    }
    return program;
}

Program RegexParser::one_of(const ByteClass& bytes) {
    const auto known = std::find(classes_.begin(), classes_.end(), bytes);
    const auto index = static_cast<std::uint32_t>(known - classes_.begin());
    if (known == classes_.end()) {
        classes_.push_back(bytes);
    }
    return {{.kind = Kind::one_of, .first = index}};
}

Result<Regex> Regex::parse(std::string_view text) {
    if (text.size() > k_regex_bytes) {
        return refuse(
            Code::too_large,
            fmt::format("the regular expression is longer than {} characters", k_regex_bytes),
            {0, text.size()}
        );
    }
    RegexParser parser(text);
    Regex regex;
    TRY_ASSIGN(regex.program_, parser.parse_whole());
    regex.classes_ = parser.take_classes();
    return regex;
}

namespace {

/// The instructions that wait for a byte, each once.
struct Waiting {
    std::vector<std::uint32_t> list;
    std::vector<bool> known;
};

/// Follows everything that takes no byte; true: the expression is found.
bool follow(
    const Program& program, std::uint32_t start, bool at_start, bool at_end, Waiting& waiting
) {
    std::vector<std::uint32_t> todo{start};
    while (!todo.empty()) {
        const std::uint32_t index = todo.back();
        todo.pop_back();
        if (waiting.known[index]) {
            continue;
        }
        waiting.known[index] = true;
        const Instruction& instruction = program[index];
        switch (instruction.kind) {
            case Kind::one_of:
                waiting.list.push_back(index);
                break;
            case Kind::split:
                todo.push_back(instruction.second);
                todo.push_back(instruction.first);
                break;
            case Kind::jump:
                todo.push_back(instruction.first);
                break;
            case Kind::at_start:
                if (at_start) {
                    todo.push_back(index + 1);
                }
                break;
            case Kind::at_end:
                if (at_end) {
                    todo.push_back(index + 1);
                }
                break;
            case Kind::accept:
                return true;
        }
    }
    return false;
}

}  // namespace

bool Regex::found_in(std::string_view text) const {
    Waiting now{{}, std::vector<bool>(program_.size())};
    for (std::size_t i = 0;; ++i) {
        const bool at_end = i == text.size();
        if (follow(program_, 0, i == 0, at_end, now)) {
            return true;
        }
        if (at_end) {
            return false;
        }
        Waiting next{{}, std::vector<bool>(program_.size())};
        for (const std::uint32_t index : now.list) {
            const ByteClass& bytes = classes_[program_[index].first];
            if (bytes.test(static_cast<unsigned char>(text[i]))
                && follow(program_, index + 1, false, i + 1 == text.size(), next)) {
                return true;
            }
        }
        now = std::move(next);
    }
}

}  // namespace kiln::conda
