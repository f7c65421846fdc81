#include "layers/conda/solve/encoder.hpp"

#include "store/base/stop.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

Group group_of(NameId name) {
    return id_of<Group>(index_of(name));
}

/// Room for the id; vectors by id grow as names and specs are met.
template<class Vector, class Id>
decltype(auto) grown(Vector& vector, Id id) {
    if (index_of(id) >= vector.size()) {
        vector.resize(index_of(id) + 1);
    }
    return vector[index_of(id)];
}

}  // namespace

Result<void> Encoder::encode(
    std::span<const RootSpec> roots, std::span<const SpecId> pins, const std::stop_token& stop
) {
    for (const RootSpec& root : roots) {
        for (const SpecId spec : root.dependency.specs) {
            queue_name(spec);
        }
    }
    for (const SpecId pin : pins) {
        queue_name(pin);
    }
    for (const RootSpec& root : roots) {
        for (const SpecId spec : root.dependency.specs) {
            tasks_.push_back(
                {Task::Kind::requirement,
                 Engine::root,
                 static_cast<std::uint32_t>(spec),
                 root.dependency.condition}
            );
        }
    }
    for (const SpecId pin : pins) {
        tasks_.push_back({Task::Kind::constraint, Engine::root, static_cast<std::uint32_t>(pin)});
    }
    while (!tasks_.empty()) {
        TRY(check(stop), "while reading dependencies");
        const Task task = tasks_.front();
        tasks_.pop_front();
        TRY(run(task));
        TRY(check_size());
    }
    for (const NameId name : required_names_) {
        add_at_most_one(name);
        TRY(check_size());
    }
    return {};
}

std::optional<CandidateId> Encoder::candidate_of(Variable variable) const {
    const std::uint32_t id =
        index_of(variable) < candidates_.size() ? candidates_[index_of(variable)] : k_none;
    return id == k_none ? std::nullopt : std::optional(CandidateId{id});
}

Result<void> Encoder::check_size() const {
    const std::size_t most = pool_.request().limits.clauses;
    if (engine_.clauses().size() + tasks_.size() > most) {
        return fail(
            Code::too_large, "the specifications need more than {} clauses, the most allowed", most
        );
    }
    return {};
}

Result<void> Encoder::run(const Task& task) {
    switch (task.kind) {
        case Task::Kind::dependencies:
            queue_dependencies(task.parent);
            return {};
        case Task::Kind::exclusions:
            return exclude(NameId{task.what});
        case Task::Kind::requirement:
            return require(task.parent, SpecId{task.what}, task.condition);
        case Task::Kind::constraint:
            return constrain(task.parent, SpecId{task.what});
    }
    return {};
}

Result<void> Encoder::exclude(NameId name) {
    TRY_ASSIGN(const auto all, pool_.all(name));
    for (const CandidateId id : all) {
        if (pool_.candidate(id).exclusion != Exclusion::none) {
            engine_.add_exclusion(variable(id), 0);
        }
    }
    return {};
}

Result<void> Encoder::require(Variable parent, SpecId spec, ConditionId condition) {
    TRY_ASSIGN(const ChoiceId choice, this->choice(spec));
    const auto note = static_cast<std::uint32_t>(spec);
    if (condition == ConditionId::always) {
        engine_.add_requirement(parent, {}, choice, note);
        return {};
    }
    for (const std::vector<SpecId>& together : pool_.table().cases(condition)) {
        std::vector<Variable> conditions;
        for (const SpecId one : together) {
            TRY_ASSIGN(const Variable holds, this->holds(one));
            conditions.push_back(holds);
        }
        engine_.add_requirement(parent, conditions, choice, note);
    }
    return {};
}

Result<void> Encoder::constrain(Variable parent, SpecId spec) {
    TRY_ASSIGN(const auto all, pool_.all(pool_.table().spec(spec).name));
    TRY_ASSIGN(const auto matching, pool_.matching(spec));
    for (const CandidateId id : all) {
        if (!std::binary_search(matching.begin(), matching.end(), id)) {
            engine_.add_pair(
                ClauseKind::constraint,
                Literal::no(parent),
                Literal::no(variable(id)),
                static_cast<std::uint32_t>(spec)
            );
        }
    }
    return {};
}

void Encoder::queue_dependencies(Variable parent) {
    const auto dependencies = pool_.dependencies(*candidate_of(parent));
    if (dependencies.unusable != nullptr) {
        engine_.add_exclusion(parent, 0);
        return;
    }
    for (const CandidatePool::Requirement& requirement : dependencies.requirements) {
        queue_name(requirement.spec);
    }
    for (const SpecId spec : dependencies.constrains) {
        queue_name(spec);
    }
    for (const CandidatePool::Requirement& requirement : dependencies.requirements) {
        tasks_.push_back(
            {Task::Kind::requirement,
             parent,
             static_cast<std::uint32_t>(requirement.spec),
             requirement.condition}
        );
    }
    for (const SpecId spec : dependencies.constrains) {
        tasks_.push_back({Task::Kind::constraint, parent, static_cast<std::uint32_t>(spec)});
    }
}

void Encoder::queue_name(SpecId spec) {
    const NameId name = pool_.table().spec(spec).name;
    if (auto&& queued = grown(queued_names_, name); !queued) {
        queued = true;
        tasks_.push_back({Task::Kind::exclusions, Engine::root, static_cast<std::uint32_t>(name)});
    }
}

/// The candidates of a requirement, the best first. Whatever it was first met for, from then on
/// they can be installed: their own dependencies are queued, and they exclude each other.
Result<ChoiceId> Encoder::choice(SpecId spec) {
    if (const auto known = grown(choices_, spec)) {
        return *known;
    }
    const NameId name = pool_.table().spec(spec).name;
    TRY_ASSIGN(const std::vector<CandidateId> sorted, order_.sorted(spec));
    std::vector<Variable> members;
    members.reserve(sorted.size());
    for (const CandidateId id : sorted) {
        const Variable member = variable(id);
        members.push_back(member);
        if (auto&& queued = grown(queued_candidates_, id); !queued) {
            queued = true;
            tasks_.push_back({Task::Kind::dependencies, member});
            std::vector<Variable>& of_name = grown(required_, name);
            if (of_name.empty()) {
                required_names_.push_back(name);
            }
            of_name.push_back(member);
        }
    }
    const ChoiceId choice = engine_.add_choice(group_of(name), std::move(members));
    choices_[index_of(spec)] = choice;
    return choice;
}

/// An auxiliary that is true where a record of the spec is in the solution.
Result<Variable> Encoder::holds(SpecId spec) {
    if (const auto known = grown(holds_, spec)) {
        return *known;
    }
    queue_name(spec);
    TRY_ASSIGN(const auto matching, pool_.matching(spec));
    const Variable holds = engine_.add_variable(Group::none);
    candidates_.resize(index_of(holds) + 1, k_none);
    holds_[index_of(spec)] = holds;
    for (const CandidateId id : matching) {
        engine_.add_pair(
            ClauseKind::condition,
            Literal::no(variable(id)),
            Literal::yes(holds),
            static_cast<std::uint32_t>(spec)
        );
    }
    return holds;
}

void Encoder::add_at_most_one(NameId name) {
    AtMostOne known;
    for (const Variable member : required_[index_of(name)]) {
        add_member(known, group_of(name), member);
    }
}

void Encoder::add_member(AtMostOne& known, Group group, Variable member) {
    const auto say = [&](Variable of, std::size_t number, std::size_t bit) {
        const bool is_set = ((number >> bit) & 1U) != 0;
        const Variable variable = known.bits[bit];
        engine_.add_pair(
            ClauseKind::one_per_name,
            Literal::no(of),
            is_set ? Literal::yes(variable) : Literal::no(variable),
            static_cast<std::uint32_t>(group)
        );
    };
    if (known.members.empty()) {
        known.members.push_back(member);
        return;
    }
    while (known.members.size() > (std::size_t{1} << known.bits.size()) - 1) {
        known.bits.push_back(engine_.add_variable(Group::none));
        for (std::size_t i = 0; i < known.members.size(); ++i) {
            say(known.members[i], i, known.bits.size() - 1);
        }
    }
    known.members.push_back(member);
    for (std::size_t bit = 0; bit < known.bits.size(); ++bit) {
        say(member, known.members.size() - 1, bit);
    }
}

Variable Encoder::variable(CandidateId id) {
    if (index_of(id) >= variables_.size()) {
        variables_.resize(pool_.size(), k_none);
    }
    std::uint32_t& known = variables_[index_of(id)];
    if (known == k_none) {
        const Group group = group_of(pool_.candidate(id).name);
        known = static_cast<std::uint32_t>(engine_.add_variable(group));
        candidates_.resize(known + 1, k_none);
        candidates_[known] = static_cast<std::uint32_t>(id);
    }
    return Variable{known};
}

}  // namespace kiln::conda
