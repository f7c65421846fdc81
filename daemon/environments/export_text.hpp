#pragma once

#include "daemon/environments/export.hpp"
#include "store/base/error.hpp"

#include <string>
#include <string_view>

namespace kiln::daemon {

/// The definition as comment lines, after a line that says what they are: what a format has no
/// place for is not lost. "# | " begins each, which no reader takes for a directive, a selector or
/// the platform line of a lock.
std::string definition_comment(const ExportedEnvironment& environment);

/// The specification, or a lock as exact pins, as an environment.yml without comments.
/// Errors   invalid_input: there is neither.
Result<std::string> environment_yaml(const ExportedEnvironment& environment);

/// The lock with what file names say of its packages, for the platform of the definition.
conda::Lock completed(const conda::Lock& lock, const EnvironmentDefinition& definition);

/// "torch-train:3", "torch-train" or "anonymous".
std::string label_of(const ExportedEnvironment& environment);

Result<std::string> export_dockerfile(const ExportedEnvironment& environment);

}  // namespace kiln::daemon
