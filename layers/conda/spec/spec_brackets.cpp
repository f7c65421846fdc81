#include "layers/conda/spec/spec_brackets.hpp"

#include "layers/conda/spec/match_spec.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class BracketParser {
  public:
    BracketParser(std::string_view text, std::size_t begin)
        : text_(text),
          begin_(begin),
          at_(begin + 1) {}

    Result<Brackets> parse_all() {
        Brackets brackets;
        skip_spaces();
        while (!take(']')) {
            if (!brackets.pairs.empty()) {
                // Spaces alone once parted pairs, and still do in old recipes.
                take(',');
                skip_spaces();
            }
            TRY_ASSIGN(BracketPair pair, parse_pair());
            TRY(check_new(brackets, pair));
            brackets.pairs.push_back(std::move(pair));
            skip_spaces();
        }
        brackets.end = at_;
        return brackets;
    }

  private:
    Result<BracketPair> parse_pair() {
        BracketPair pair;
        const std::size_t key_begin = at_;
        while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '-')) {
            ++at_;
        }
        pair.key = text_.substr(key_begin, at_ - key_begin);
        pair.key_columns = {key_begin, at_};
        if (at_ >= text_.size()) {
            return refuse_unclosed();
        }
        skip_spaces();
        if (pair.key.empty() || !take('=')) {
            return refuse(
                Code::invalid_input,
                fmt::format("in the brackets of {} every entry is key=value", quoted(text_)),
                {key_begin, std::min(at_ + 1, text_.size())}
            );
        }
        skip_spaces();
        TRY(parse_value(pair));
        return pair;
    }

    Result<void> parse_value(BracketPair& pair) {
        pair.value_columns.begin = at_;
        pair.is_quoted = at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"');
        pair.is_list = take('[');
        if (!pair.is_list) {
            TRY_ASSIGN(std::string value, parse_scalar(" \t\r\n,]"));
            pair.values.push_back(std::move(value));
        } else {
            TRY(parse_list(pair));
        }
        pair.value_columns.end = at_;
        return {};
    }

    Result<void> parse_list(BracketPair& pair) {
        skip_spaces();
        while (!take(']')) {
            if (pair.values.size() >= k_match_spec_fields) {
                return refuse_size({pair.value_columns.begin, at_});
            }
            TRY_ASSIGN(std::string value, parse_scalar(" \t\r\n,[]"));
            pair.values.push_back(std::move(value));
            skip_spaces();
            if (!take(',') && at_ < text_.size() && text_[at_] != ']') {
                return refuse(
                    Code::invalid_input,
                    fmt::format("in a list of {} a comma is missing", quoted(text_)),
                    {at_, at_ + 1}
                );
            }
            skip_spaces();
        }
        return {};
    }

    Result<std::string> parse_scalar(std::string_view bare_end) {
        if (at_ >= text_.size()) {
            return refuse_unclosed();
        }
        const char quote = text_[at_];
        if (quote == '\'' || quote == '"') {
            return parse_quoted(quote);
        }
        const std::size_t end = std::min(text_.find_first_of(bare_end, at_), text_.size());
        const std::string_view value = text_.substr(at_, end - at_);
        if (end == text_.size()) {
            return refuse_unclosed();
        }
        if (value.empty() || value.find_first_of("'\"[") != std::string_view::npos) {
            return refuse(
                Code::invalid_input,
                value.empty()
                    ? fmt::format("in the brackets of {} a value is missing", quoted(text_))
                    : fmt::format("the value {} must be quoted", quoted(value)),
                {at_, std::max(end, at_ + 1)}
            );
        }
        at_ = end;
        return std::string(value);
    }

    Result<std::string> parse_quoted(char quote) {
        std::string value;
        for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
            const bool escape =
                text_[at_] == '\\' && at_ + 1 < text_.size()
                && std::string_view("\\'\"").find(text_[at_ + 1]) != std::string_view::npos;
            at_ += escape ? 1 : 0;
            value += text_[at_];
        }
        if (at_ >= text_.size()) {
            return refuse_unclosed();
        }
        ++at_;
        return value;
    }

    Result<void> check_new(const Brackets& brackets, const BracketPair& pair) const {
        if (brackets.pairs.size() >= k_match_spec_fields) {
            return refuse_size({begin_, at_});
        }
        for (const BracketPair& other : brackets.pairs) {
            if (other.key == pair.key) {
                return refuse(
                    Code::invalid_input,
                    fmt::format("{} gives {} twice", quoted(text_), pair.key),
                    pair.key_columns
                );
            }
        }
        return {};
    }

    void skip_spaces() { at_ = std::min(text_.find_first_not_of(k_blanks, at_), text_.size()); }

    bool take(char c) {
        const bool there = at_ < text_.size() && text_[at_] == c;
        at_ += there ? 1 : 0;
        return there;
    }

    [[nodiscard]] tl::unexpected<Error> refuse_unclosed() const {
        return refuse(
            Code::invalid_input,
            fmt::format("the brackets of {} are not closed", quoted(text_)),
            {begin_, begin_ + 1}
        );
    }

    [[nodiscard]] static tl::unexpected<Error> refuse_size(Columns where) {
        return refuse(
            Code::too_large,
            fmt::format("brackets and lists have at most {} entries", k_match_spec_fields),
            where
        );
    }

    std::string_view text_;
    std::size_t begin_;
    std::size_t at_;
};

}  // namespace

Result<Brackets> parse_brackets(std::string_view text, std::size_t begin) {
    return BracketParser(text, begin).parse_all();
}

std::string render_bracket_value(std::string_view value) {
    const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return is_word(c) || std::string_view(".+*:/-").find(c) != std::string_view::npos;
    });
    if (plain) {
        return std::string(value);
    }
    const bool double_quotes =
        value.find('\'') != std::string_view::npos && value.find('"') == std::string_view::npos;
    const char quote = double_quotes ? '"' : '\'';
    std::string text(1, quote);
    for (const char c : value) {
        if (c == '\\' || c == quote) {
            text += '\\';
        }
        text += c;
    }
    return text + quote;
}

}  // namespace kiln::conda
