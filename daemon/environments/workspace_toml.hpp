#pragma once

#include "daemon/environments/workspace.hpp"
#include "daemon/toml_reader.hpp"

namespace kiln::daemon {

/// The table [workspaces] of kilnd.toml: one table a workspace.
/// Errors   invalid_input with the place; unknown keys are refused.
Result<Workspaces> read_workspaces(const TomlReader& reader, const toml::table& table);

}  // namespace kiln::daemon
