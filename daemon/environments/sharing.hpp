#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace kiln::daemon {

struct ShareOrder {
    store::EnvironmentVersion version;
    std::string destination;  // a reference
    CredentialsByHost credentials;
};

/// Pushes image, lock, definition, build context and bill of materials (SPDX, made where the image
/// has none; a warning where it cannot be made) of a version.
/// Errors   conflict: it is not built; those of push_image().
/// Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> share_environment(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ShareOrder> order
);

struct ImportOrder {
    std::string workspace;
    std::string reference;
    std::string curated_from = {};  // the source it is shipped with; empty: the user's own
    std::uint32_t author = 0;
    CredentialsByHost credentials;
};

/// A shared environment, taken in, and its image.
struct TakenEnvironment {
    store::AddedVersion added;
    Digest image;
};

/// As import_environment(); a curated one may have a reserved name.
boost::asio::awaitable<Result<TakenEnvironment>> take_shared(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ImportOrder> order
);

/// Takes in what share_environment() pushed: the same name, version, hash and image. What the
/// definition says is held against its hash, and its hash against the image's label.
/// Shape    the result's report is the environment's row.
/// Errors   not_found: nothing of the kind is attached to the image; digest_mismatch; conflict: the
///          version exists with another definition; those of pull_image().
/// Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> import_environment(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ImportOrder> order
);

}  // namespace kiln::daemon
