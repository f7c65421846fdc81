#pragma once

#include "daemon/build/job.hpp"
#include "daemon/services.hpp"
#include "store/digest.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

struct UnbundleOrder {
    Digest document;        // of the bundle, a blob
    std::string workspace;  // empty: each environment goes where it came from
    std::uint32_t author = 0;
};

/// What the store lacks of a bundle: first its document, then its manifests and listings, then the
/// rest, in the order of the file. What has come so far is kept durably, whatever happens: a second
/// try goes on from there. It is as good as cache: `gc --keep-size` and `--keep-age` take it.
/// Errors   those of BundleDocument::parse(); corrupt.
/// Thread   the pool.
Result<std::vector<Digest>> find_bundle_needs(Services& services, const Digest& document);

/// Takes in a bundle of which nothing is lacking: layers are held against their images and indexed,
/// contexts and packages kept for the versions that are built of them, and last of all the images
/// and environments get their names.
/// Shape    the result's report: "images" and "environments".
/// Errors   conflict: a version exists with another definition (nothing is named then);
///          digest_mismatch, invalid_input, corrupt: the parts do not fit each other; not_found: an
///          environment's parts are not all in the bundle.
/// Thread   the loop.
boost::asio::awaitable<Result<ResultEvent>> take_in_bundle(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const UnbundleOrder> order
);

}  // namespace kiln::daemon
