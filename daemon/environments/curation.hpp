#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

struct CurateOrder {
    std::string workspace;
    /// "HOST/NAME": every tag there that is a shared environment; "HOST/NAME:TAG": that one;
    /// "workspace:NAME": what is curated there.
    std::string source;
    std::uint32_t author = 0;
    CredentialsByHost credentials;
};

/// Takes curated environments into a workspace. Versions that it has stay as they are, and those
/// that the source no longer has stay, too.
/// Shape    the result's report has a row for each that the source holds, and tells of tags that
///          are none.
/// Errors   not_found: the source holds none; conflict: a version, or the name of an environment of
///          the workspace's own; those of pull_image().
/// Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> curate_environments(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const CurateOrder> order
);

/// Gives a version that was just curated to the workspaces that follow its own; where the name is
/// one of their own, it stays that, and the log tells of it.
/// Thread   the pool.
Result<void> hand_on(Services& services, const store::EnvironmentVersion& curated);

/// All that is curated in `from` is curated in `workspace`, too; the latest of each name.
/// Errors   conflict. Thread   the pool.
Result<std::vector<store::AddedVersion>> follow_workspace(
    Services& services, const std::string& workspace, const std::string& from
);

/// What the configuration says of following may be new: done once, when the daemon starts.
/// Thread   the pool.
void catch_up_with_followed(Services& services);

}  // namespace kiln::daemon
