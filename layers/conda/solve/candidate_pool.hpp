#pragma once

#include "layers/conda/solve/record_source.hpp"
#include "layers/conda/solve/solve.hpp"
#include "layers/conda/solve/spec_table.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kiln::conda {

enum class CandidateId : std::uint32_t {};

/// Why a record cannot be chosen although it is there.
enum class Exclusion : std::uint8_t { none, other_channel, too_new };

struct Candidate {
    const PackageRecord* record;  // nullptr: an optional group of a package
    NameId name;
    std::uint32_t channel;
    std::uint32_t version;  // counts the distinct versions of the name, the lowest first
    Exclusion exclusion;
};

/// A spec that the user gave, as one or more dependencies of the root.
struct RootSpec {
    const RequestedSpec* requested;  // nullptr: a virtual package
    Dependency dependency;
};

/// The records that a solve reaches, by name, each name loaded when it is first asked for
/// (spec/conda.md 2.2, rule 1): in order of channel, subdir and file name, a .conda in the place of
/// its .tar.bz2, of names that the user gave only what one of those specs allows.
class CandidatePool {
  public:
    struct Requirement {
        SpecId spec;
        ConditionId condition;
    };

    struct Dependencies {
        std::span<const Requirement> requirements;  // in the order of depends, extras last
        std::span<const SpecId> constrains;
        const std::string* unusable = nullptr;  // why the record cannot be read
    };

    /// All of them outlive the pool.
    CandidatePool(
        const Request& request,
        std::span<const RootSpec> roots,
        SpecTable& table,
        RecordSource& source
    );

    /// All records of the name, excluded ones too, in the order of loading.
    Result<std::span<const CandidateId>> all(NameId name);
    /// Those that match, in the same order.
    Result<std::span<const CandidateId>> matching(SpecId spec);
    /// What the record asks for; spans hold until the next call.
    Dependencies dependencies(CandidateId id);

    [[nodiscard]] const Candidate& candidate(CandidateId id) const {
        return candidates_[index_of(id)];
    }

    [[nodiscard]] std::size_t size() const { return candidates_.size(); }

    /// Of a loaded name: what an older lock has, where it is still to be had.
    [[nodiscard]] std::optional<CandidateId> favored(NameId name) const {
        return packages_[index_of(name)].favored;
    }

    [[nodiscard]] const SpecTable& table() const { return table_; }

    [[nodiscard]] const Request& request() const { return request_; }

  private:
    struct Package {
        bool loaded = false;
        std::vector<CandidateId> candidates;
        std::uint32_t versions = 0;  // how many distinct
        std::optional<CandidateId> favored;
    };

    struct Range {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;

        [[nodiscard]] std::uint32_t count() const { return end - begin; }
    };

    struct ParsedRecord {
        bool parsed = false;
        Range requirements;
        Range constrains;
        const std::string* unusable = nullptr;
    };

    Result<void> load(NameId name);
    Result<void> load_channels(NameId name, Package& package);
    void add(NameId name, Package& package, const PlacedRecord& placed, Exclusion exclusion);
    void favor(NameId name, Package& package);
    void count_versions(Package& package);
    [[nodiscard]] bool asked_for(NameId name, const PackageRecord& record) const;
    /// Errors of a dependency make the record unusable, and do not fail the solve.
    Result<void> parse(const PackageRecord& record, NameId name);
    Result<void> add_requirements(std::string_view text, ConditionId condition);

    const Request& request_;
    SpecTable& table_;
    RecordSource& source_;
    std::unordered_map<std::uint32_t, std::vector<const MatchSpec*>> asked_;  // by NameId
    std::vector<Package> packages_;                                           // one a name
    std::vector<Candidate> candidates_;
    std::vector<ParsedRecord> parsed_;  // one a candidate
    std::vector<Requirement> requirements_;
    std::vector<SpecId> constrains_;
    std::deque<std::string> messages_;
    std::vector<std::optional<std::vector<CandidateId>>> matching_;  // one a spec
};

}  // namespace kiln::conda
