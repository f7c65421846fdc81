#include "layers/conda/spec/version_spec_parser.hpp"

#include "layers/conda/spec/spec_error.hpp"
#include "layers/conda/spec/version_segments.hpp"
#include "layers/conda/spec/version_spec.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::conda {

namespace {

using Kind = VersionClause::Kind;
using Clauses = VersionSpecParser::Clauses;

constexpr std::string_view k_comparison_characters = "=<>!~";

struct Comparison {
    std::string_view text;
    Kind literal;  // followed by a version
    Kind trailed;  // followed by a version and `.*`
};

// What clients agree on where cep-29 leaves room, as packages in use need it:
// - Beside a comparison a trailing `.*` says nothing (`>=5.9.*`), but `>2.10.*` takes 2.10 too.
// - `==2.7.*` is 2.7 alone, `==2.7.*.*` starts with 2.7.
// - cep-29 calls `!=1.8` a negated fuzzy equality; everywhere it refuses 1.8 alone, and `!=1.8.*`
//   refuses 1.8.1 as well.
constexpr std::array k_comparisons{
    Comparison{"", Kind::equal, Kind::starts_with},
    Comparison{"=", Kind::starts_with, Kind::starts_with},
    Comparison{"==", Kind::equal, Kind::equal},
    Comparison{"!=", Kind::not_equal, Kind::not_starts_with},
    Comparison{"<", Kind::less, Kind::less},
    Comparison{"<=", Kind::less_equal, Kind::less_equal},
    Comparison{">", Kind::greater, Kind::greater_equal},
    Comparison{">=", Kind::greater_equal, Kind::greater_equal},
    Comparison{"~=", Kind::compatible, Kind::compatible},
};

/// The text without what a trailing glob is: `1.8.*`, `1.8*` and `2.*.*` to `1.8` and `2`.
std::string_view without_trailing_glob(std::string_view literal) {
    while (literal.ends_with('*')) {
        literal.remove_suffix(literal.ends_with(".*") ? 2 : 1);
    }
    return literal;
}

std::size_t literal_end(std::string_view text) {
    return text.starts_with('^') ? regex_end(text)
                                 : std::min(text.find_first_of(" \t\r\n,|()=<>~"), text.size());
}

Result<std::string> prefix_of(std::string_view version, VersionSegments::Last last) {
    VersionSegments segments;
    TRY(segments.parse(version));
    return segments.prefix(last);
}

}  // namespace

Result<Clauses> VersionSpecParser::parse_whole() {
    if (text_.size() > k_version_spec_bytes) {
        return refuse(
            Code::too_large,
            fmt::format("the version specification is longer than {} bytes", k_version_spec_bytes),
            {0, text_.size()}
        );
    }
    clauses_.reserve(3);  // most are of one clause, or of a group of two
    TRY(parse_joined(Join::any_of, 0));
    if (at_ < text_.size()) {
        return refuse_at(
            at_, text_.size(), "it goes on where it should end", "join versions with ',' or '|'"
        );
    }
    return std::move(clauses_);
}

/// Members of `|` are lists joined by `,`, and their members are operands.
Result<void> VersionSpecParser::parse_joined(Join join, std::size_t depth) {
    const bool any = join == Join::any_of;
    const auto kind = any ? Kind::any_of : Kind::all_of;
    const std::size_t first = clauses_.size();
    const auto at = [&](std::size_t index) {
        return clauses_.begin() + static_cast<std::ptrdiff_t>(index);
    };
    bool is_group = false;
    do {
        std::size_t member = clauses_.size();
        TRY(any ? parse_joined(Join::all_of, depth) : parse_operand(depth));
        if (member == first) {
            continue;
        }
        // A group in parentheses of the same kind is no group of its own.
        if (!is_group && clauses_[first].kind != kind) {
            clauses_.insert(at(first), {.kind = kind});
            ++member;
        }
        is_group = true;
        if (clauses_[member].kind == kind) {
            clauses_.erase(at(member));
        }
        clauses_[first].nodes = static_cast<std::uint32_t>(clauses_.size() - first);
    } while (take(any ? '|' : ','));
    return {};
}

Result<void> VersionSpecParser::parse_operand(std::size_t depth) {
    const std::size_t begin = at_;
    if (take('(')) {
        if (depth >= k_version_spec_depth) {
            return refuse(
                Code::too_large,
                fmt::format("parentheses are nested deeper than {}", k_version_spec_depth),
                {begin, at_}
            );
        }
        TRY(parse_joined(Join::any_of, depth + 1));
        if (!take(')')) {
            return refuse_at(begin, begin + 1, "this parenthesis is not closed");
        }
        return {};
    }
    if (++count_ > k_version_spec_clauses) {
        return refuse(
            Code::too_large,
            fmt::format("a version specification has at most {} clauses", k_version_spec_clauses),
            {begin, text_.size()}
        );
    }
    TRY_ASSIGN(VersionClause clause, parse_clause());
    clauses_.push_back(std::move(clause));
    return {};
}

Result<VersionClause> VersionSpecParser::parse_clause() {
    skip_spaces();
    const std::string_view comparison = take_operator();
    skip_spaces();
    const std::size_t begin = at_;
    const std::string_view literal = take_literal();
    TRY_ASSIGN(VersionClause clause, clause_of(comparison, literal, begin));
    skip_spaces();
    return clause;
}

std::string_view VersionSpecParser::take_operator() {
    const std::size_t end =
        std::min(text_.find_first_not_of(k_comparison_characters, at_), text_.size());
    const std::string_view comparison = text_.substr(at_, end - at_);
    at_ = end;
    return comparison;
}

std::string_view VersionSpecParser::take_literal() {
    const std::string_view literal = text_.substr(at_, literal_end(text_.substr(at_)));
    at_ += literal.size();
    return literal;
}

Result<VersionClause> VersionSpecParser::clause_of(
    std::string_view comparison, std::string_view literal, std::size_t begin
) const {
    const std::size_t end = begin + literal.size();
    const auto* const row =
        std::find_if(k_comparisons.begin(), k_comparisons.end(), [&](const Comparison& known) {
            return known.text == comparison;
        });
    if (row == k_comparisons.end()) {
        return refuse_at(
            begin - std::min(begin, comparison.size()),
            begin,
            fmt::format("{} is no comparison", quoted(comparison)),
            "these are: = == != < <= > >= ~="
        );
    }
    if (literal.empty()) {
        return refuse_at(begin, std::min(begin + 1, text_.size()), "a version is missing");
    }
    const bool inclusive = row->literal != Kind::not_equal && row->literal != Kind::less
                           && row->literal != Kind::greater;
    const bool equality = row->literal == Kind::equal || row->literal == Kind::starts_with;
    const std::string_view plain = without_trailing_glob(literal);
    if (plain.empty() && inclusive) {
        return VersionClause{.kind = Kind::any};
    }
    const bool regex = literal.front() == '^';
    if (regex || plain.empty() || plain.find('*') != std::string_view::npos) {
        if (plain.empty() || (!equality && row->literal != Kind::not_equal)) {
            return refuse_at(begin, end, fmt::format("'{}' takes no pattern", comparison));
        }
        if (regex && (literal.size() < 2 || literal.back() != '$')) {
            return refuse_at(begin, end, "a regular expression ends with '$'");
        }
        auto pattern = StringPattern::parse(regex ? std::string(literal) : lower_case(literal));
        TRY(pattern.map_error([&](Error error) { return shifted(std::move(error), begin); }));
        return VersionClause{
            .kind = equality ? Kind::pattern : Kind::not_pattern, .pattern = std::move(*pattern)};
    }
    auto version = Version::parse(plain);
    if (!version) {
        return fail(shifted(std::move(version).error(), begin));
    }
    VersionClause clause{
        .kind = plain.size() < literal.size() ? row->trailed : row->literal,
        .version = *std::move(version)};
    if (comparison == "==" && literal.ends_with(".*.*")) {
        clause.kind = Kind::starts_with;
    }
    if (clause.kind == Kind::starts_with || clause.kind == Kind::not_starts_with) {
        TRY_ASSIGN(clause.prefix, prefix_of(plain, VersionSegments::Last::kept));
    } else if (clause.kind == Kind::compatible) {
        TRY_ASSIGN(clause.prefix, prefix_of(plain, VersionSegments::Last::dropped));
    }
    return clause;
}

void VersionSpecParser::skip_spaces() {
    at_ = std::min(text_.find_first_not_of(k_blanks, at_), text_.size());
}

bool VersionSpecParser::take(char c) {
    skip_spaces();
    const bool there = at_ < text_.size() && text_[at_] == c;
    if (there) {
        ++at_;
    }
    skip_spaces();
    return there;
}

tl::unexpected<Error> VersionSpecParser::refuse_at(
    std::size_t begin, std::size_t end, std::string_view reason, std::string hint
) const {
    return refuse(
        Code::invalid_input,
        fmt::format("the version specification {} is not understood: {}", quoted(text_), reason),
        {begin, end},
        std::move(hint)
    );
}

std::size_t version_expression_end(std::string_view text) {
    const auto skip = [&](std::size_t at, std::string_view characters) {
        return std::min(text.find_first_not_of(characters, at), text.size());
    };
    std::size_t depth = 0;
    std::size_t at = 0;
    for (;;) {
        at = skip(at, k_blanks);
        while (at < text.size() && text[at] == '(') {
            ++depth;
            at = skip(at + 1, k_blanks);
        }
        at = skip(skip(at, k_comparison_characters), k_blanks);
        at += literal_end(text.substr(at));
        std::size_t next = skip(at, k_blanks);
        while (depth > 0 && next < text.size() && text[next] == ')') {
            --depth;
            at = next + 1;
            next = skip(at, k_blanks);
        }
        if (next >= text.size() || (text[next] != ',' && text[next] != '|')) {
            return at;
        }
        at = next + 1;
    }
}

}  // namespace kiln::conda
