#pragma once

#include "daemon/conda/download.hpp"
#include "daemon/registry/client.hpp"

#include <memory>
#include <string>

namespace kiln::daemon {

/// A file of an oci:// channel on its way from the registry into the store: the layer that stands
/// for it (layers/conda/channel/oci_place.hpp). The digest of its manifest is the validator.
struct OciDownload {
    Services& services;
    std::shared_ptr<Job> job;
    registry::Client& client;
    const DownloadOrder& order;
    std::string source;  // the URL, without credentials
    std::optional<registry::Credentials> credentials;
    const store::Lease& lease;
};

/// Errors   those of registry::Repository; digest_mismatch when the registry has another file than
///          is expected; too_large.
/// Thread   the loop. It may be cancelled.
registry::Awaitable<Result<Downloaded>> fetch_from_registry(OciDownload download);

}  // namespace kiln::daemon
