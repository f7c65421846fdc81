#pragma once

#include "daemon/build/build_table.hpp"
#include "daemon/environments/definition.hpp"
#include "daemon/environments/inputs.hpp"
#include "daemon/environments/workspace.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

struct ResolvedEnvironment;

/// Which environment is wanted as an image, and what the client brought for it.
struct EnvironmentBuildOrder {
    store::EnvironmentVersion version;
    bool rebuild = false;                 // afresh, though there is an image
    std::optional<NamedText> lock;        // made for it by POST /v1/conda/locks
    std::map<std::string, Digest> files;  // packages that the lock names by a path
    std::map<std::string, Credential> credentials;
    std::string push_to;  // a reference; empty: nowhere
};

/// A specification that must be resolved first: what a lock request takes.
struct UnresolvedEnvironment {
    NamedText input;
    std::optional<Digest> base;
    std::string platform;
    std::vector<std::string> channels;  // empty: those of the daemon
};

json::Value render_unresolved(const std::optional<UnresolvedEnvironment>& unresolved);

/// How an environment becomes an image: at once, after a lock, or by a build.
struct EnvironmentBuildPlan {
    std::optional<store::EnvironmentImage> known;
    std::optional<UnresolvedEnvironment> unresolved;
    std::shared_ptr<const BuildRequest> request;  // otherwise
    std::optional<store::EnvironmentDocument> lock = std::nullopt;
    Digest lock_hash;
};

/// The image in use of a definition; nullopt when none was built or it is not in the store any
/// more. Thread   the pool.
Result<std::optional<store::EnvironmentImage>> find_environment_image(
    store::Store& store, const Digest& definition_hash
);

/// Keeps the lock that a definition was carried here with (kiln unbundle): its image is made from
/// that from now on, with `rebuild` too, for a host without network has no channel to ask. Nothing
/// is kept where an image of the definition was made by other means. Thread   the pool.
Result<void> keep_carried_lock(
    Services& services,
    const Digest& definition_hash,
    const std::optional<store::EnvironmentDocument>& lock
);

/// Keeps a lock for the specification of a version that is to be added: if kilnd ends right behind
/// that, a build of the version finds it, and nothing is resolved anew. Thread   the pool.
Result<void> keep_lock_of_next(
    Services& services, const ResolvedEnvironment& next, const NamedText& lock
);

/// A lock that the client brought is kept for every later environment of the same specification.
/// Errors   those of the texts; corrupt. Thread   the pool.
Result<EnvironmentBuildPlan> plan_environment_build(
    Services& services, const EnvironmentBuildOrder& order
);

/// Builds what was planned unless somebody did meanwhile: of many who want one hash one builds.
/// Shape    the result's image is the environment's, which bears its name from now on.
/// Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> build_environment_image(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const EnvironmentBuildOrder> order,
    EnvironmentBuildPlan plan,
    LentByListing lent
);

/// Makes an image the one in use of a definition: its row, and the names kiln/env_<hash>; with it
/// what refers to it. Thread   the pool.
Result<store::EnvironmentImage> adopt_environment_image(
    store::Store& store,
    const store::EnvironmentImage& image,
    const std::optional<store::EnvironmentDocument>& lock,
    std::vector<store::Referrer> beside = {}
);

}  // namespace kiln::daemon
