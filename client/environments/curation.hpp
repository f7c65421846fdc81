#pragma once

#include "client/environments/creation.hpp"

#include <string>
#include <vector>

namespace kiln::client {

/// One environment of a curated set, as the workspace has it now.
struct CuratedEnvironment {
    wire::EnvironmentRow row;
    bool is_new = false;
};

/// Takes a directory of definitions in: every *.yml and *.yaml in it and in the directories right
/// below it, but for those that a definition names as a part of it.
/// Shape    in the order of the paths. Definitions that are refused do not keep the others out.
/// Errors   not_found: there is none; else that of the first refused one, when all were looked at.
Result<std::vector<CuratedEnvironment>> curate_directory(
    Session& session, Progress& progress, const std::string& workspace, const std::string& directory
);

}  // namespace kiln::client
