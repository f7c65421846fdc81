#include "layers/conda/spec/match_spec.hpp"
#include "layers/conda/spec/spec_error.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

bool is_space(char c) {
    return k_blanks.find(c) != std::string_view::npos;
}

/// Reads specs joined by `and` and `or`. A spec goes on up to a word of the two that stands
/// alone, so that `b >32.12 *and` is one.
class ConditionParser {
  public:
    explicit ConditionParser(std::string_view text)
        : text_(text) {}

    Result<Condition> parse_whole() {
        TRY_ASSIGN(Condition whole, parse_joined(Condition::Kind::any_of, 0));
        if (at_ < text_.size()) {
            return refuse_at(at_, "a parenthesis closes that none opened");
        }
        return whole;
    }

  private:
    Result<Condition> parse_joined(Condition::Kind kind, std::size_t depth) {
        const bool any = kind == Condition::Kind::any_of;
        Condition joined{.kind = kind};
        do {
            TRY_ASSIGN(
                Condition operand,
                any ? parse_joined(Condition::Kind::all_of, depth) : parse_operand(depth)
            );
            if (operand.kind == kind) {
                std::move(
                    operand.operands.begin(),
                    operand.operands.end(),
                    std::back_inserter(joined.operands)
                );
            } else {
                joined.operands.push_back(std::move(operand));
            }
        } while (take_word(any ? "or" : "and"));
        if (joined.operands.size() == 1) {
            return std::move(joined.operands.front());
        }
        return joined;
    }

    Result<Condition> parse_operand(std::size_t depth) {
        skip_spaces();
        const std::size_t begin = at_;
        if (at_ < text_.size() && text_[at_] == '(') {
            if (depth >= k_condition_depth) {
                return refuse(
                    Code::too_large,
                    fmt::format("a condition is nested deeper than {}", k_condition_depth),
                    {begin, begin + 1}
                );
            }
            ++at_;
            TRY_ASSIGN(Condition group, parse_joined(Condition::Kind::any_of, depth + 1));
            skip_spaces();
            if (at_ >= text_.size()) {
                return refuse_at(begin, "this parenthesis is not closed");
            }
            ++at_;
            skip_spaces();
            return group;
        }
        if (starts_word(begin)) {
            return refuse_at(begin, "a package specification is missing");
        }
        at_ = spec_end(begin);
        if (text_.substr(begin, at_ - begin).find_first_not_of(k_blanks)
            == std::string_view::npos) {
            return refuse_at(begin, "a package specification is missing");
        }
        auto spec = MatchSpec::parse(text_.substr(begin, at_ - begin), SpecForm::depends);
        if (!spec) {
            return fail(shifted(std::move(spec).error(), begin));
        }
        // Rendered, a package of that name would be the word.
        if (const std::string shown = spec->text(); shown == "and" || shown == "or") {
            return refuse_at(begin, "a package specification is missing");
        }
        if (spec->when() != nullptr) {
            return refuse_at(begin, "a condition has no conditions of its own");
        }
        return Condition{.kind = Condition::Kind::spec, .spec = std::move(*spec)};
    }

    /// Where the spec ends that begins here: at a word, at a `)` that it did not open, or with
    /// the text. Brackets and quotes hide everything.
    [[nodiscard]] std::size_t spec_end(std::size_t begin) const {
        std::size_t open = 0;
        char quote = '\0';
        for (std::size_t i = begin; i < text_.size(); ++i) {
            const char c = text_[i];
            if (quote != '\0') {
                i += c == '\\' ? 1 : 0;
                quote = c == quote ? '\0' : quote;
            } else if (c == '[' || c == '(') {
                ++open;
            } else if (open > 0) {
                quote = c == '\'' || c == '"' ? c : '\0';
                open -= c == ']' || c == ')' ? 1 : 0;
            } else if (c == ')' || (is_space(c) && starts_word(i + 1))) {
                return i;
            }
        }
        return text_.size();
    }

    [[nodiscard]] bool starts_word(std::size_t at) const {
        return word_at(at, "and") || word_at(at, "or");
    }

    [[nodiscard]] bool word_at(std::size_t at, std::string_view word) const {
        if (text_.substr(std::min(at, text_.size()), word.size()) != word) {
            return false;
        }
        const std::size_t end = at + word.size();
        return end == text_.size() || is_space(text_[end]) || text_[end] == '(';
    }

    bool take_word(std::string_view word) {
        skip_spaces();
        const bool there = word_at(at_, word);
        at_ += there ? word.size() : 0;
        return there;
    }

    void skip_spaces() { at_ = std::min(text_.find_first_not_of(k_blanks, at_), text_.size()); }

    [[nodiscard]] tl::unexpected<Error> refuse_at(std::size_t at, std::string_view reason) const {
        return refuse(
            Code::invalid_input,
            fmt::format("the condition {} is not understood: {}", quoted(text_), reason),
            {at, std::min(at + 1, text_.size())},
            "a condition is package specifications joined by and, or and parentheses"
        );
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<Condition> Condition::parse(std::string_view text) {
    if (text.size() > k_match_spec_bytes) {
        return refuse(
            Code::too_large,
            fmt::format("a condition has at most {} bytes", k_match_spec_bytes),
            {0, text.size()}
        );
    }
    return ConditionParser(text).parse_whole();
}

std::string Condition::text() const {
    if (kind == Kind::spec) {
        return spec.text();
    }
    std::string text;
    for (const Condition& operand : operands) {
        if (!text.empty()) {
            text += kind == Kind::all_of ? " and " : " or ";
        }
        const bool parentheses = operand.kind == Kind::any_of;
        text += parentheses ? "(" + operand.text() + ")" : operand.text();
    }
    return text;
}

bool operator==(const Condition& left, const Condition& right) {
    return left.kind == right.kind && left.spec == right.spec && left.operands == right.operands;
}

}  // namespace kiln::conda
