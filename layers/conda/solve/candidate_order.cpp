#include "layers/conda/solve/candidate_order.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace kiln::conda {

namespace {

bool is_tracked(const PackageRecord& record) {
    return !record.track_features.empty();
}

}  // namespace

Result<std::vector<CandidateId>> CandidateOrder::sorted(SpecId spec) {
    const NameId name = pool_.table().spec(spec).name;
    TRY_ASSIGN(const auto all, pool_.all(name));
    TRY_ASSIGN(const auto matching, pool_.matching(spec));
    std::vector<CandidateId> sorted;
    if (matching.size() < 2) {
        sorted.assign(matching.begin(), matching.end());
        return sorted;
    }
    const Ranking& ranking = this->ranking(name, all);
    std::vector<std::uint32_t> ties;
    sorted.reserve(matching.size());
    ties.reserve(matching.size());
    for (std::size_t i = 0; i < ranking.order.size(); ++i) {
        if (std::binary_search(matching.begin(), matching.end(), ranking.order[i])) {
            sorted.push_back(ranking.order[i]);
            ties.push_back(ranking.tie[i]);
        }
    }
    for (std::size_t begin = 0; begin < sorted.size();) {
        std::size_t end = begin + 1;
        while (end < sorted.size() && ties[end] == ties[begin]) {
            ++end;
        }
        if (end - begin > 1) {
            TRY(break_ties(std::span(sorted).subspan(begin, end - begin)));
        }
        begin = end;
    }
    if (const auto favored = pool_.favored(name)) {
        const auto at = std::find(sorted.begin(), sorted.end(), *favored);
        if (at != sorted.end()) {
            std::rotate(sorted.begin(), at, at + 1);
        }
    }
    return sorted;
}

const CandidateOrder::Ranking& CandidateOrder::ranking(
    NameId name, std::span<const CandidateId> all
) {
    if (index_of(name) >= rankings_.size()) {
        rankings_.resize(pool_.table().name_count());
    }
    std::optional<Ranking>& known = rankings_[index_of(name)];
    if (known) {
        return *known;
    }
    Ranking& ranking = known.emplace();
    const bool by_channel = pool_.request().priority == ChannelPriority::flexible;
    const auto rank = [&](CandidateId id) {
        const Candidate& candidate = pool_.candidate(id);
        return std::tuple(
            is_tracked(*candidate.record),
            by_channel ? candidate.channel : 0,
            std::numeric_limits<std::uint32_t>::max() - candidate.version,
            std::numeric_limits<std::uint64_t>::max() - candidate.record->build_number
        );
    };
    ranking.order.assign(all.begin(), all.end());
    std::stable_sort(
        ranking.order.begin(),
        ranking.order.end(),
        [&](CandidateId left, CandidateId right) { return rank(left) < rank(right); }
    );
    for (std::size_t i = 0; i < ranking.order.size(); ++i) {
        const bool differs = i > 0 && rank(ranking.order[i - 1]) != rank(ranking.order[i]);
        ranking.tie.push_back(i == 0 ? 0 : ranking.tie.back() + (differs ? 1 : 0));
    }
    return ranking;
}

/// By the dependencies that all of them have, in the order of their names.
Result<void> CandidateOrder::break_ties(std::span<CandidateId> equals) {
    // Ids grow in the order of loading, where the stable order of rule 2 begins.
    std::sort(equals.begin(), equals.end());

    struct Member {
        CandidateId id;
        std::vector<Reach> reaches;
        std::int64_t age;  // lower is younger; without a timestamp the oldest
    };

    std::vector<Member> members;
    const std::vector<NameId> names = shared_names(equals);
    for (const CandidateId id : equals) {
        const auto timestamp = pool_.candidate(id).record->timestamp_ms;
        Member& member = members.emplace_back(Member{
            id, {}, timestamp ? ~*timestamp : std::numeric_limits<std::int64_t>::max()});
        for (const NameId name : names) {
            TRY_ASSIGN(const Reach best, best_reach(id, name));
            member.reaches.push_back(best);
        }
    }
    std::stable_sort(members.begin(), members.end(), [](const Member& left, const Member& right) {
        return std::tie(left.reaches, left.age) < std::tie(right.reaches, right.age);
    });
    for (std::size_t i = 0; i < members.size(); ++i) {
        equals[i] = members[i].id;
    }
    return {};
}

std::vector<NameId> CandidateOrder::shared_names(std::span<const CandidateId> equals) {
    std::vector<NameId> shared;
    std::vector<NameId> names;
    for (const CandidateId id : equals) {
        names.clear();
        for (const CandidatePool::Requirement& requirement : pool_.dependencies(id).requirements) {
            if (requirement.condition == ConditionId::always) {
                names.push_back(pool_.table().spec(requirement.spec).name);
            }
        }
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        if (id == equals.front()) {
            shared = names;
        } else {
            std::erase_if(shared, [&](NameId name) {
                return !std::binary_search(names.begin(), names.end(), name);
            });
        }
    }
    std::sort(shared.begin(), shared.end(), [this](NameId left, NameId right) {
        return pool_.table().text(left) < pool_.table().text(right);
    });
    return shared;
}

/// A record may name a dependency more than once: the best counts.
Result<CandidateOrder::Reach> CandidateOrder::best_reach(CandidateId id, NameId dependency) {
    Reach best;
    const auto requirements = pool_.dependencies(id).requirements;
    for (const CandidatePool::Requirement& requirement : requirements) {
        if (requirement.condition == ConditionId::always
            && pool_.table().spec(requirement.spec).name == dependency) {
            TRY_ASSIGN(const Reach reach, this->reach(requirement.spec));
            best = std::min(best, reach);
        }
    }
    return best;
}

Result<CandidateOrder::Reach> CandidateOrder::reach(SpecId spec) {
    if (index_of(spec) >= reaches_.size()) {
        reaches_.resize(pool_.table().spec_count());
    }
    if (const auto& known = reaches_[index_of(spec)]) {
        return *known;
    }
    TRY_ASSIGN(const auto matching, pool_.matching(spec));
    Reach reach;
    std::uint32_t highest = 0;
    for (const CandidateId id : matching) {
        const Candidate& candidate = pool_.candidate(id);
        if (reach.nothing || candidate.version > highest) {
            reach.nothing = false;
            reach.tracked = candidate.record != nullptr && is_tracked(*candidate.record);
            highest = candidate.version;
        }
    }
    reach.versions_above = std::numeric_limits<std::uint32_t>::max() - highest;
    reaches_[index_of(spec)] = reach;
    return reach;
}

}  // namespace kiln::conda
