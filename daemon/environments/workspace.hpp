#pragma once

#include "store/base/error.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// What kilnd.toml says in [workspaces.NAME]. A workspace that is not named there has none of it.
struct WorkspaceSettings {
    /// Where images of environments are looked up and pushed: "registry.example/team"; empty: only
    /// the store.
    std::string registry;
    /// Instead of the daemon's own default channels.
    std::vector<std::string> default_channels;
    /// Where its curated environments come from, for `kiln env curate`: a directory of the client's
    /// or a reference. "workspace:NAME" is followed: what is curated there is curated here.
    std::string curated_source;
    /// How many environments of one's own it may hold, archived ones included; none: no limit.
    std::optional<std::size_t> environments_at_most;
};

using Workspaces = std::map<std::string, WorkspaceSettings, std::less<>>;

inline constexpr std::string_view k_followed_workspace = "workspace:";
/// The workspace that one follows; empty: none.
std::string_view followed_by(const WorkspaceSettings& settings);

const WorkspaceSettings& settings_of(const Workspaces& workspaces, std::string_view name);

}  // namespace kiln::daemon
