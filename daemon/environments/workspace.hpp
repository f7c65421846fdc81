#pragma once

#include "store/base/error.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What kilnd.toml says in [workspaces.NAME]. A workspace that is not named there has none of it.
struct WorkspaceSettings {
    /// Where images of environments are looked up and pushed: "registry.example/team"; empty: only
    /// the store.
    std::string registry;
    /// Instead of the daemon's own default channels.
    std::vector<std::string> default_channels;
    /// How many environments of one's own it may hold, archived ones included; none: no limit.
    std::optional<std::size_t> environments_at_most;
};

using Workspaces = std::map<std::string, WorkspaceSettings, std::less<>>;

const WorkspaceSettings& settings_of(const Workspaces& workspaces, std::string_view name);

}  // namespace kiln::daemon
