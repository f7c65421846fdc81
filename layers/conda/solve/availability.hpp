#pragma once

#include "layers/conda/solve/attempt.hpp"
#include "layers/conda/solve/spec_table.hpp"
#include "layers/conda/spec/version.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kiln::conda {

/// Versions for people: "1.2", "1.2 and 1.3", from the fourth on "1.2 to 2.0".
std::string version_span(std::vector<Version> versions);

enum class Absence : std::uint8_t {
    none,          // there are records
    no_such_name,  // in any channel
    no_match,      // other versions or builds are there
    filtered,      // it is there, but not what the user asked for of that name
    not_provided,  // a virtual package that the target has otherwise, or not at all
};

/// Whether and why nothing matches a spec, and a clause that says so: "the channels have 1.0
/// to 1.5".
struct Availability {
    Absence absence;
    std::string text;
};

/// `roots`: those whose choice of records counts as a reason.
Result<Availability> availability(
    const Question& question, std::span<const RootSpec> roots, SpecId spec
);

}  // namespace kiln::conda
