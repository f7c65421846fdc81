#pragma once

#include "store/base/json.hpp"

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

}  // namespace kiln::client::wire
