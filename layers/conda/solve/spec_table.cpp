#include "layers/conda/solve/spec_table.hpp"

#include <fmt/format.h>

#include <utility>

namespace kiln::conda {

NameId SpecTable::name(std::string_view text) {
    if (const auto known = name_ids_.find(text); known != name_ids_.end()) {
        return known->second;
    }
    return intern(std::string(text), false);
}

NameId SpecTable::extra(NameId package, std::string_view extra) {
    std::string text = fmt::format("{}[{}]", this->text(package), extra);
    if (const auto known = name_ids_.find(text); known != name_ids_.end()) {
        return known->second;
    }
    return intern(std::move(text), true);
}

SpecId SpecTable::any(NameId name) {
    const auto [known, is_new] =
        any_of_name_.try_emplace(static_cast<std::uint32_t>(name), SpecId{});
    if (is_new) {
        known->second = add_spec({name, text(name), std::nullopt});
    }
    return known->second;
}

Result<Dependency> SpecTable::add(const MatchSpec& spec, std::string text) {
    if (!spec.name().is_exact()) {
        return fail(Code::invalid_input, "{} does not name one package", text);
    }
    const NameId name = this->name(spec.name().text());
    Dependency dependency;
    for (const std::string& group : spec.extras()) {
        dependency.specs.push_back(any(extra(name, group)));
    }
    dependency.specs.push_back(add_spec({name, std::move(text), spec}));
    if (const Condition* when = spec.when()) {
        TRY_ASSIGN(Cases cases, cases_of(*when));
        dependency.condition = add_condition(std::move(cases));
    }
    return dependency;
}

const Result<Dependency>& SpecTable::depends(std::string_view text) {
    if (const auto known = depends_.find(text); known != depends_.end()) {
        return known->second;
    }
    const std::string& kept = depends_texts_.emplace_back(text);
    auto parsed = MatchSpec::parse(kept, SpecForm::depends);
    Result<Dependency> dependency =
        parsed ? add(*parsed, kept) : Result<Dependency>(fail(std::move(parsed).error()));
    return depends_.emplace(kept, std::move(dependency)).first->second;
}

Result<ConditionId> SpecTable::both(ConditionId left, ConditionId right) {
    if (left == ConditionId::always || right == ConditionId::always) {
        return left == ConditionId::always ? right : left;
    }
    TRY_ASSIGN(Cases joined, both(cases(left), cases(right)));
    return add_condition(std::move(joined));
}

ConditionId SpecTable::where(SpecId spec) {
    const auto [known, is_new] =
        where_spec_.try_emplace(static_cast<std::uint32_t>(spec), ConditionId::always);
    if (is_new) {
        known->second = add_condition({{spec}});
    }
    return known->second;
}

NameId SpecTable::intern(std::string text, bool is_extra) {
    const NameId id = id_of<NameId>(names_.size());
    names_.push_back({std::move(text), is_extra});
    name_ids_.emplace(names_.back().text, id);
    return id;
}

SpecId SpecTable::add_spec(InternedSpec spec) {
    specs_.push_back(std::move(spec));
    return id_of<SpecId>(specs_.size() - 1);
}

/// Multiplied out into cases, as the clauses need them.
Result<SpecTable::Cases> SpecTable::cases_of(const Condition& condition) {
    if (condition.kind == Condition::Kind::spec) {
        TRY_ASSIGN(Dependency dependency, add(condition.spec, condition.spec.text()));
        return Cases{std::move(dependency.specs)};
    }
    Cases cases;
    if (condition.kind == Condition::Kind::all_of) {
        cases.emplace_back();
    }
    for (const Condition& operand : condition.operands) {
        TRY_ASSIGN(Cases more, cases_of(operand));
        if (condition.kind == Condition::Kind::all_of) {
            TRY_ASSIGN(cases, both(cases, more));
        } else {
            cases.insert(cases.end(), more.begin(), more.end());
        }
    }
    if (cases.size() > k_condition_cases) {
        return fail(Code::too_large, "a condition has more than {} cases", k_condition_cases);
    }
    return cases;
}

Result<SpecTable::Cases> SpecTable::both(const Cases& left, const Cases& right) {
    if (left.size() * right.size() > k_condition_cases) {
        return fail(Code::too_large, "a condition has more than {} cases", k_condition_cases);
    }
    Cases joined;
    for (const std::vector<SpecId>& one : left) {
        for (const std::vector<SpecId>& other : right) {
            std::vector<SpecId>& specs = joined.emplace_back(one);
            specs.insert(specs.end(), other.begin(), other.end());
        }
    }
    return joined;
}

ConditionId SpecTable::add_condition(Cases cases) {
    conditions_.push_back(std::move(cases));
    return id_of<ConditionId>(conditions_.size() - 1);
}

}  // namespace kiln::conda
