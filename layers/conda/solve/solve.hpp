#pragma once

#include "layers/conda/solve/record_source.hpp"
#include "layers/conda/spec/match_spec.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::conda {

/// What a solve may cost. The largest of the known jobs has 5,400 records, 140,000 clauses and
/// 1,200 conflicts; four specs over clones of a channel to 300,000 records have 47,000, 10 million
/// and 450.
struct SolveLimits {
    std::size_t candidates = 1'000'000;  // records looked at
    std::size_t clauses = 40'000'000;    // at 32 bytes
    std::size_t conflicts = 200'000;
};

enum class ChannelPriority : std::uint8_t {
    strict,    // a package comes from the first channel that has a record the user's specs allow
    flexible,  // the earlier channel first, whatever the version; others where that one fails
    none,      // the highest version of any channel
};

/// One thing the user asked for, in the user's words.
struct RequestedSpec {
    MatchSpec spec;
    std::string as_written;                    // empty: spec.text()
    std::optional<Span> where = std::nullopt;  // for the error that blames it
};

struct Request {
    std::vector<RequestedSpec> specs;             // their order is part of the answer
    std::vector<RequestedSpec> pins;              // hold for what is installed, install nothing
    std::vector<PackageRecord> virtual_packages;  // of the target (cep-30), not of this host
    std::vector<PackageRecord> favored;           // of an older lock: kept where they fit
    ChannelPriority priority = ChannelPriority::strict;
    std::optional<std::int64_t> not_after_ms;  // records with a later timestamp do not count
    std::string target = "the base";           // who provides the virtual packages, for messages
    SolveLimits limits = {};
};

struct SolveCounts {
    std::size_t candidates = 0;
    std::size_t clauses = 0;
    std::size_t decisions = 0;
    std::size_t conflicts = 0;
};

struct Solution {
    /// What to install, each after what it depends on; virtual packages are left out.
    std::vector<PackageRecord> records;
    SolveCounts counts;
};

/// Finds one set of records that meets every specification: the set that rattler 0.3.5 (resolvo
/// 0.10.1) finds, by the same rules (jobs_test.cpp checks it).
/// Shape    one record a name; the same answer whatever the order of records in the source.
/// Errors   conflict with a tree of reasons, and a hint that names what to relax; not_found for a
///          name that no channel has; invalid_input for a spec without an exact name; too_large
///          when a limit is reached; cancelled; what the source says.
/// Thread   works on the calling thread and waits for nothing but the source; use the pool.
Result<Solution> solve(const Request& request, RecordSource& source, const std::stop_token& stop);

}  // namespace kiln::conda
