#include "daemon/environments/workspace.hpp"

namespace kiln::daemon {

const WorkspaceSettings& settings_of(const Workspaces& workspaces, std::string_view name) {
    static const WorkspaceSettings k_none;
    const auto found = workspaces.find(name);
    return found == workspaces.end() ? k_none : found->second;
}

}  // namespace kiln::daemon
