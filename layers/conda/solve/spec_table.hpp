#pragma once

#include "layers/conda/solve/literal.hpp"
#include "layers/conda/spec/match_spec.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kiln::conda {

/// A package, or an optional group of one: `numpy[blas]`.
enum class NameId : std::uint32_t {};
enum class SpecId : std::uint32_t {};
enum class ConditionId : std::uint32_t {
    always = std::numeric_limits<std::uint32_t>::max(),
};

/// A condition whose parts multiply beyond this is not one that a person wrote.
inline constexpr std::size_t k_condition_cases = 64;

/// Which records of one name are meant.
struct InternedSpec {
    NameId name;
    std::string text;
    std::optional<MatchSpec> match;  // none: whatever has the name
};

/// What a dependency asks for: all specs, where the condition holds.
struct Dependency {
    std::vector<SpecId> specs;  // the groups of extras=, then the package itself
    ConditionId condition = ConditionId::always;
};

/// Names, specs and conditions of one solve, each text parsed once, whoever depends on it.
class SpecTable {
  public:
    NameId name(std::string_view text);
    /// `package[extra]`; no record of a channel can have that name.
    NameId extra(NameId package, std::string_view extra);

    [[nodiscard]] const std::string& text(NameId name) const { return names_[index_of(name)].text; }

    [[nodiscard]] bool is_extra(NameId name) const { return names_[index_of(name)].is_extra; }

    [[nodiscard]] std::size_t name_count() const { return names_.size(); }

    [[nodiscard]] std::size_t spec_count() const { return specs_.size(); }

    [[nodiscard]] const InternedSpec& spec(SpecId id) const { return specs_[index_of(id)]; }

    /// Any of these cases, in each of which all specs have a record in the solution.
    [[nodiscard]] const std::vector<std::vector<SpecId>>& cases(ConditionId id) const {
        return conditions_[index_of(id)];
    }

    /// Any record of the name.
    SpecId any(NameId name);
    /// Errors   invalid_input for a spec without one exact name; too_large for its condition.
    Result<Dependency> add(const MatchSpec& spec, std::string text);
    /// A line of depends or constrains. The same reference for the same text; the error stays too.
    const Result<Dependency>& depends(std::string_view text);
    /// Holds where both do.
    Result<ConditionId> both(ConditionId left, ConditionId right);
    /// Where a record of the spec is in the solution.
    ConditionId where(SpecId spec);

  private:
    using Cases = std::vector<std::vector<SpecId>>;

    struct Name {
        std::string text;
        bool is_extra;
    };

    NameId intern(std::string text, bool is_extra);
    SpecId add_spec(InternedSpec spec);
    Result<Cases> cases_of(const Condition& condition);
    static Result<Cases> both(const Cases& left, const Cases& right);
    ConditionId add_condition(Cases cases);

    std::deque<Name> names_;  // texts stay where they are: the maps refer to them
    std::unordered_map<std::string_view, NameId> name_ids_;
    std::deque<InternedSpec> specs_;
    std::unordered_map<std::uint32_t, SpecId> any_of_name_;
    std::unordered_map<std::uint32_t, ConditionId> where_spec_;
    std::deque<Cases> conditions_;
    std::deque<std::string> depends_texts_;
    std::unordered_map<std::string_view, Result<Dependency>> depends_;
};

}  // namespace kiln::conda
