#include "layers/conda/solve/candidate_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace kiln::conda {

namespace {

struct FileName {
    std::string_view stem;
    bool is_v1;  // .tar.bz2
};

FileName split(std::string_view file_name) {
    constexpr std::string_view k_v2 = ".conda";
    constexpr std::string_view k_v1 = ".tar.bz2";
    if (file_name.ends_with(k_v2)) {
        return {file_name.substr(0, file_name.size() - k_v2.size()), false};
    }
    if (file_name.ends_with(k_v1)) {
        return {file_name.substr(0, file_name.size() - k_v1.size()), true};
    }
    return {file_name, false};
}

/// By channel, subdir and file name, whatever order they come in; the rest only breaks ties
/// between records that claim one file.
bool loads_before(const PlacedRecord& left, const PlacedRecord& right) {
    const FileName left_file = split(left.record->file_name);
    const FileName right_file = split(right.record->file_name);
    return std::tie(left.channel, left.subdir, left_file.stem, left_file.is_v1, left.record->url)
           < std::tie(
               right.channel, right.subdir, right_file.stem, right_file.is_v1, right.record->url
           );
}

bool same_package(const PlacedRecord& left, const PlacedRecord& right) {
    return left.channel == right.channel && left.subdir == right.subdir
           && split(left.record->file_name).stem == split(right.record->file_name).stem;
}

bool same_build(const PackageRecord& left, const PackageRecord& right) {
    return left.version == right.version && left.build == right.build
           && left.build_number == right.build_number && left.subdir == right.subdir
           && (!left.sha256 || !right.sha256 || left.sha256 == right.sha256);
}

bool is_too_new(const PackageRecord& record, std::optional<std::int64_t> not_after_ms) {
    return not_after_ms && record.timestamp_ms && *record.timestamp_ms > *not_after_ms;
}

}  // namespace

CandidatePool::CandidatePool(
    const Request& request, std::span<const RootSpec> roots, SpecTable& table, RecordSource& source
)
    : request_(request),
      table_(table),
      source_(source) {
    for (const RootSpec& root : roots) {
        if (root.requested == nullptr) {
            continue;
        }
        const NameId name = table.spec(root.dependency.specs.back()).name;
        // A conditional spec may not apply, and then allows everything.
        const bool always = root.dependency.condition == ConditionId::always;
        asked_[static_cast<std::uint32_t>(name)].push_back(
            always ? &root.requested->spec : nullptr
        );
    }
}

Result<std::span<const CandidateId>> CandidatePool::all(NameId name) {
    TRY(load(name));
    return std::span<const CandidateId>(packages_[index_of(name)].candidates);
}

Result<std::span<const CandidateId>> CandidatePool::matching(SpecId spec) {
    if (index_of(spec) >= matching_.size()) {
        matching_.resize(table_.spec_count());
    }
    if (const auto& known = matching_[index_of(spec)]) {
        return std::span<const CandidateId>(*known);
    }
    const InternedSpec& interned = table_.spec(spec);
    TRY_ASSIGN(const auto all, this->all(interned.name));
    std::vector<CandidateId> matching;
    if (!interned.match) {
        matching.assign(all.begin(), all.end());
    } else {
        // Many records share a version, and most specs speak of nothing else.
        const MatchSpec& match = *interned.match;
        const bool only_version = match.fields().empty() && match.flags().empty();
        enum class Known : std::uint8_t { no_idea, matches, differs };
        std::vector<Known> of_version(packages_[index_of(interned.name)].versions);
        for (const CandidateId id : all) {
            const Candidate& candidate = candidates_[index_of(id)];
            Known& known = of_version[candidate.version];
            if (known == Known::no_idea) {
                known = match.version().matches(candidate.record->version) ? Known::matches
                                                                           : Known::differs;
            }
            if (known == Known::matches && match.build().matches(candidate.record->build)
                && (only_version || match.matches_named(*candidate.record))) {
                matching.push_back(id);
            }
        }
    }
    return std::span<const CandidateId>(matching_[index_of(spec)].emplace(std::move(matching)));
}

CandidatePool::Dependencies CandidatePool::dependencies(CandidateId id) {
    ParsedRecord& parsed = parsed_[index_of(id)];
    if (!std::exchange(parsed.parsed, true)) {
        const auto requirements_begin = static_cast<std::uint32_t>(requirements_.size());
        const auto constrains_begin = static_cast<std::uint32_t>(constrains_.size());
        const Candidate& candidate = candidates_[index_of(id)];
        if (candidate.record != nullptr) {
            if (auto done = parse(*candidate.record, candidate.name); !done) {
                parsed.unusable = &messages_.emplace_back(std::move(done).error().message);
            }
        }
        parsed.requirements = {
            requirements_begin, static_cast<std::uint32_t>(requirements_.size())};
        parsed.constrains = {constrains_begin, static_cast<std::uint32_t>(constrains_.size())};
    }
    return Dependencies{
        .requirements = std::span<const Requirement>(requirements_)
                            .subspan(parsed.requirements.begin, parsed.requirements.count()),
        .constrains = std::span<const SpecId>(constrains_)
                          .subspan(parsed.constrains.begin, parsed.constrains.count()),
        .unusable = parsed.unusable,
    };
}

Result<void> CandidatePool::load(NameId name) {
    if (index_of(name) >= packages_.size()) {
        packages_.resize(table_.name_count());
    }
    Package& package = packages_[index_of(name)];
    if (package.loaded) {
        return {};
    }
    package.loaded = true;
    if (table_.is_extra(name)) {
        add(name, package, {}, Exclusion::none);
        package.versions = 1;
        return {};
    }
    for (const PackageRecord& record : request_.virtual_packages) {
        if (record.name == table_.text(name)) {
            add(name, package, {&record}, Exclusion::none);
        }
    }
    if (package.candidates.empty()) {
        TRY(load_channels(name, package));
        favor(name, package);
    }
    count_versions(package);
    return {};
}

Result<void> CandidatePool::load_channels(NameId name, Package& package) {
    TRY_ASSIGN(std::vector<PlacedRecord> placed, source_.records(table_.text(name)));
    if (placed.size() + candidates_.size() > request_.limits.candidates) {
        return fail(
            Code::too_large,
            "the specifications reach more than {} records, the most allowed",
            request_.limits.candidates
        );
    }
    std::sort(placed.begin(), placed.end(), loads_before);
    std::vector<PlacedRecord> kept;
    for (const PlacedRecord& next : placed) {
        if (kept.empty() || !same_package(kept.back(), next)) {
            kept.push_back(next);
        } else if (is_too_new(*kept.back().record, request_.not_after_ms)) {
            kept.back() = next;
        }
    }
    std::erase_if(kept, [&](const PlacedRecord& next) { return !asked_for(name, *next.record); });
    const bool is_strict = request_.priority == ChannelPriority::strict;
    for (const PlacedRecord& next : kept) {
        Exclusion exclusion = Exclusion::none;
        if (is_too_new(*next.record, request_.not_after_ms)) {
            exclusion = Exclusion::too_new;
        } else if (is_strict && next.channel != kept.front().channel) {
            exclusion = Exclusion::other_channel;
        }
        add(name, package, next, exclusion);
    }
    return {};
}

void CandidatePool::add(
    NameId name, Package& package, const PlacedRecord& placed, Exclusion exclusion
) {
    package.candidates.push_back(id_of<CandidateId>(candidates_.size()));
    candidates_.push_back({placed.record, name, placed.channel, 0, exclusion});
    parsed_.emplace_back();
}

/// What a lock has is favored where the channels still have it, and taken from the lock where they
/// do not; never against the order of channels.
void CandidatePool::favor(NameId name, Package& package) {
    for (const PackageRecord& record : request_.favored) {
        if (record.name != table_.text(name) || !asked_for(name, record)) {
            continue;
        }
        const auto known =
            std::find_if(package.candidates.begin(), package.candidates.end(), [&](CandidateId id) {
                return same_build(*candidates_[index_of(id)].record, record);
            });
        if (known != package.candidates.end()) {
            package.favored = *known;
        } else {
            add(name, package, {&record}, Exclusion::none);
            package.favored = package.candidates.back();
        }
    }
}

void CandidatePool::count_versions(Package& package) {
    std::vector<CandidateId> by_version = package.candidates;
    const auto version_of = [this](CandidateId id) -> const Version& {
        return candidates_[index_of(id)].record->version;
    };
    std::sort(by_version.begin(), by_version.end(), [&](CandidateId left, CandidateId right) {
        return version_of(left) < version_of(right);
    });
    for (std::size_t i = 0; i < by_version.size(); ++i) {
        if (i == 0 || version_of(by_version[i - 1]) != version_of(by_version[i])) {
            ++package.versions;
        }
        candidates_[index_of(by_version[i])].version = package.versions - 1;
    }
}

bool CandidatePool::asked_for(NameId name, const PackageRecord& record) const {
    const auto asked = asked_.find(static_cast<std::uint32_t>(name));
    return asked == asked_.end()
           || std::any_of(asked->second.begin(), asked->second.end(), [&](const MatchSpec* spec) {
                  return spec == nullptr || spec->matches_named(record);
              });
}

Result<void> CandidatePool::parse(const PackageRecord& record, NameId name) {
    for (const std::string& text : record.depends) {
        TRY(add_requirements(text, ConditionId::always));
    }
    for (const ExtraDepends& extra : record.extra_depends) {
        const ConditionId asked = table_.where(table_.any(table_.extra(name, extra.group)));
        for (const std::string& text : extra.depends) {
            TRY(add_requirements(text, asked));
        }
    }
    for (const std::string& text : record.constrains) {
        const Result<Dependency>& constraint = table_.depends(text);
        if (!constraint) {
            return fail(Code::invalid_input, "\"{}\": {}", text, constraint.error().message);
        }
        constrains_.push_back(constraint->specs.back());
    }
    return {};
}

Result<void> CandidatePool::add_requirements(std::string_view text, ConditionId condition) {
    const Result<Dependency>& dependency = table_.depends(text);
    if (!dependency) {
        return fail(Code::invalid_input, "\"{}\": {}", text, dependency.error().message);
    }
    TRY_ASSIGN(const ConditionId both, table_.both(condition, dependency->condition));
    for (const SpecId spec : dependency->specs) {
        requirements_.push_back({spec, both});
    }
    return {};
}

}  // namespace kiln::conda
