#pragma once

#include "tests/support/conda_layers.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::testing {

/// Test packages of other projects, where they lie; empty when they are not here.
std::filesystem::path upstream_folder(const std::string& project);

/// The package of this project whose file ends in `__name`.
Result<OpenPackage> open_upstream(const std::string& project, const std::string& name);

/// A package of that name that holds nothing, for those that need a python to be installed.
OpenPackage stub_python(const std::string& version);

/// What comes of installing a package alone, in one line: "2 files", "1 file, 1 link; post-link",
/// or "corrupt: …" with the error.
std::string describe_installation(const std::filesystem::path& file);

}  // namespace kiln::testing
