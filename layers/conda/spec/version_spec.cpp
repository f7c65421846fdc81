#include "layers/conda/spec/version_spec.hpp"

#include "layers/conda/spec/spec_error.hpp"
#include "layers/conda/spec/version_clause.hpp"
#include "layers/conda/spec/version_spec_parser.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

using Kind = VersionClause::Kind;
using Clauses = std::vector<VersionClause>;

bool node_matches(const VersionClause* node, const Version& version) {
    if (!node->is_group()) {
        return node->matches(version);
    }
    const bool decisive = node->kind == Kind::any_of;
    const VersionClause* const end = node + node->nodes;
    for (const VersionClause* member = node + 1; member < end; member += member->nodes) {
        if (node_matches(member, version) == decisive) {
            return decisive;
        }
    }
    return !decisive;
}

std::string node_text(const VersionClause* node) {
    if (!node->is_group()) {
        return node->text();
    }
    std::string text;
    const VersionClause* const end = node + node->nodes;
    for (const VersionClause* member = node + 1; member < end; member += member->nodes) {
        if (!text.empty()) {
            text += node->kind == Kind::all_of ? ',' : '|';
        }
        // A group in a group is of the other kind; only `|` within `,` needs telling.
        const bool parentheses = member->kind == Kind::any_of;
        text += parentheses ? "(" + node_text(member) + ")" : node_text(member);
    }
    return text;
}

}  // namespace

VersionSpec::VersionSpec() = default;
VersionSpec::VersionSpec(const VersionSpec&) = default;
VersionSpec::VersionSpec(VersionSpec&&) noexcept = default;
VersionSpec& VersionSpec::operator=(const VersionSpec&) = default;
VersionSpec& VersionSpec::operator=(VersionSpec&&) noexcept = default;
VersionSpec::~VersionSpec() = default;

Result<VersionSpec> VersionSpec::parse(std::string_view text) {
    VersionSpecParser parser(text);
    VersionSpec spec;
    TRY_ASSIGN(spec.clauses_, parser.parse_whole());
    if (spec.clauses_.size() == 1 && spec.clauses_.front().kind == Kind::any) {
        spec.clauses_.clear();
    }
    return spec;
}

bool VersionSpec::matches(const Version& version) const {
    return clauses_.empty() || node_matches(clauses_.data(), version);
}

std::string VersionSpec::text() const {
    return clauses_.empty() ? "*" : node_text(clauses_.data());
}

bool VersionSpec::is_any() const {
    return clauses_.empty();
}

const Version* VersionSpec::exact() const {
    const bool single = clauses_.size() == 1 && clauses_.front().kind == Kind::equal;
    return single ? &clauses_.front().version : nullptr;
}

const Version* VersionSpec::starts_with() const {
    const bool single = clauses_.size() == 1 && clauses_.front().kind == Kind::starts_with;
    return single ? &clauses_.front().version : nullptr;
}

bool operator==(const VersionSpec& left, const VersionSpec& right) {
    return left.clauses_ == right.clauses_;
}

}  // namespace kiln::conda
