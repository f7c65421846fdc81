#pragma once

#include "client/conda/locking.hpp"
#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/environment.hpp"

#include <functional>
#include <map>
#include <string>

namespace kiln::client {

/// What is kept for the registry of a workspace; none where it has no registry.
Result<std::map<std::string, wire::Credentials>> workspace_credentials(
    Session& session, const std::string& workspace
);

struct EnvironmentSource {
    std::string file;  // the definition; "-": stdin
    std::string workspace;
    bool is_anonymous = false;   // whatever name it has
    bool needs_no_name = false;  // without a name it is anonymous
    std::string curated_from = {};
    /// Told of each file that the definition names, and of the directory of its build.
    std::function<void(const std::string& path)> opens = [](const std::string&) {};
};

struct CreatedEnvironment {
    wire::EnvironmentRow row;
    bool is_new = false;
};

/// Has the daemon keep a definition, bringing the files that it names: they are looked for beside
/// the definition, and nothing is opened that does not stand in it.
/// Errors   those of the daemon, with the place in the definition; those of the files.
Result<CreatedEnvironment> create_environment(
    Session& session, Progress& progress, const EnvironmentSource& source
);

struct EnvironmentWish {
    std::string workspace;
    std::string environment;  // "NAME:VERSION", or the hash of an anonymous one
    bool rebuild = false;
    bool push = false;
    bool pull = false;  // an image that is in the workspace's registry only is brought here
};

/// A lock for what the daemon could not build without one; nothing is kept of it.
Result<MadeLock> lock_environment(
    Session& session, Progress& progress, const wire::UnresolvedEnvironment& unresolved
);

/// The image of an environment: at once where it is known, else after a lock and a build.
Result<Digest> build_environment(Session& session, Progress& progress, const EnvironmentWish& wish);

}  // namespace kiln::client
