#pragma once

#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

enum class EnvironmentChange : std::uint8_t {
    base,
    dockerfile,
    context,
    build_argument,
    image,  // one that the Dockerfile names
    channels,
    dependency,
    dependency_order,
    pip,
    variable,
    package,  // of the lock
    platform,
    prefix,
    other,  // a part of the record that this version cannot put in words
};

std::string_view environment_change_name(EnvironmentChange change);  // "dependency_order"

/// One thing that differs, said in words; `before` and `after` are its values, empty where there is
/// none ("numpy 1.26.3", "numpy 1.26.4").
struct EnvironmentDifference {
    EnvironmentChange change = EnvironmentChange::other;
    std::string sentence;  // "numpy 1.26.3 to 1.26.4"
    std::string before;
    std::string after;
};

/// One of the two: its canonical record, the name its base had, and its lock where it has one.
struct ComparedEnvironment {
    std::string_view record;
    std::string base_name = {};         // "debian:bookworm"; may be empty
    const conda::Lock* lock = nullptr;  // resolved, or given
};

/// Why two hashes differ: base, Docker steps, specification, packages, platform, prefix, in this
/// order; each list in the order of the names. Empty when nothing does.
/// Errors   corrupt: a record that is none.
Result<std::vector<EnvironmentDifference>> explain_environments(
    const ComparedEnvironment& before, const ComparedEnvironment& after
);

}  // namespace kiln::daemon
