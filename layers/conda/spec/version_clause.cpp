#include "layers/conda/spec/version_clause.hpp"

#include "layers/conda/spec/version_segments.hpp"
#include "store/base/error.hpp"

namespace kiln::conda {

bool VersionClause::matches(const Version& candidate) const {
    switch (kind) {
        case Kind::any:
            return true;
        case Kind::equal:
            return candidate == version;
        case Kind::not_equal:
            return candidate != version;
        case Kind::less:
            return candidate < version;
        case Kind::less_equal:
            return candidate <= version;
        case Kind::greater:
            return candidate > version;
        case Kind::greater_equal:
            return candidate >= version;
        case Kind::starts_with:
            return key_starts_with(candidate.key(), prefix);
        case Kind::not_starts_with:
            return !key_starts_with(candidate.key(), prefix);
        case Kind::compatible:
            return candidate >= version && key_starts_with(candidate.key(), prefix);
        case Kind::pattern:
            return pattern.matches(candidate.text());
        case Kind::not_pattern:
            return !pattern.matches(candidate.text());
        case Kind::all_of:
        case Kind::any_of:
            break;
    }
    ASSERT(!is_group());
    return false;
}

std::string VersionClause::text() const {
    const std::string shown = lower_case(version.text());
    switch (kind) {
        case Kind::any:
            return "*";
        case Kind::equal:
            return "==" + shown;
        case Kind::not_equal:
            return "!=" + shown;
        case Kind::less:
            return "<" + shown;
        case Kind::less_equal:
            return "<=" + shown;
        case Kind::greater:
            return ">" + shown;
        case Kind::greater_equal:
            return ">=" + shown;
        case Kind::starts_with:
            return shown + ".*";
        case Kind::not_starts_with:
            return "!=" + shown + ".*";
        case Kind::compatible:
            return "~=" + shown;
        case Kind::pattern:
            return pattern.text();
        case Kind::not_pattern:
            return "!=" + pattern.text();
        case Kind::all_of:
        case Kind::any_of:
            break;
    }
    ASSERT(!is_group());
    return {};
}

}  // namespace kiln::conda
