#include "daemon/environments/workspace.hpp"

namespace kiln::daemon {

std::string_view followed_by(const WorkspaceSettings& settings) {
    const std::string_view source = settings.curated_source;
    return source.starts_with(k_followed_workspace) ? source.substr(k_followed_workspace.size())
                                                    : std::string_view();
}

const WorkspaceSettings& settings_of(const Workspaces& workspaces, std::string_view name) {
    static const WorkspaceSettings k_none;
    const auto found = workspaces.find(name);
    return found == workspaces.end() ? k_none : found->second;
}

}  // namespace kiln::daemon
