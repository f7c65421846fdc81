#pragma once

#include "store/base/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::client::wire {

/// A package that is installed in an image; what its record leaves out is empty.
struct InstalledPackage {
    std::string name;
    std::string version;
    std::string build;
    std::string channel;  // "conda-forge"
};

struct InstalledEnvironment {
    std::string prefix;
    std::vector<InstalledPackage> packages;
};

Result<std::vector<InstalledEnvironment>> parse_installed(const json::Value& value);

/// A path of an environment that is not as its package's record says.
struct PathProblem {
    std::string package;  // "numpy-1.26.4-py311h64a7726_0"
    std::string path;     // relative to the prefix
    std::string fault;    // missing, type, content
    std::string step;     // that made it so; empty when nobody knows
};

struct EnvironmentVerification {
    std::string prefix;
    std::uint64_t packages = 0;
    std::uint64_t paths = 0;
    std::uint64_t unchecked = 0;  // of them, those whose content no record tells
    std::vector<PathProblem> problems;
    std::vector<std::string> extra;  // paths that no package has
};

Result<std::vector<EnvironmentVerification>> parse_verification(const json::Value& value);

}  // namespace kiln::client::wire
