#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/environments/workspace.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::daemon {

struct EnvironmentBuildOrder;

/// The lock that an image was built from, attached to it (image-spec manifest.md, "subject"), so
/// that whoever takes the image from a registry knows what is in it, and can build on.
inline constexpr std::string_view k_lock_artifact = "application/vnd.kiln.environment.lock.v1+json";

/// "registry.example/team/kiln/env_0123…"; empty where the workspace has no registry.
std::string remote_environment_name(const WorkspaceSettings& workspace, const Digest& hash);

/// The lock as a referrer of the image, written and not recorded yet. Thread   the pool.
Result<store::Referrer> keep_lock(
    store::Store& store,
    const store::Lease& lease,
    const Descriptor& image,
    const store::EnvironmentDocument& lock
);
/// The attached lock; nullopt where there is none. Thread   the pool.
Result<std::optional<store::EnvironmentDocument>> attached_lock(
    store::Store& store, const Digest& image
);

/// Makes an image that came out of a registry the one in use of a definition, with its attached
/// lock. Errors   digest_mismatch: its label says that it is another definition's; corrupt. Thread
/// the pool.
Result<Digest> adopt_pulled_image(
    Services& services, const Digest& hash, const std::string& reference, const Pulled& pulled
);

/// Takes an image of a definition out of the registry, with its lock, and makes it the one in use.
/// Errors   those of pull_image() and adopt_pulled_image(). Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> take_remote_environment(
    Services& services,
    std::shared_ptr<Job> job,
    Digest hash,
    std::string reference,
    CredentialsByHost credentials
);

/// To the workspace's registry, if it has one; what is there is not sent. Thread   the loop.
boost::asio::awaitable<Result<void>> push_environment_image(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const EnvironmentBuildOrder> order,
    Descriptor image
);

}  // namespace kiln::daemon
