#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/request.hpp"
#include "daemon/services.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

struct PushOrder {
    Descriptor source;                              // a manifest in the store
    std::string destination;                        // a reference
    std::optional<Compression> compression;         // of layers that have another one
    bool force_compression = false;                 // of all layers
    std::map<std::string, Credential> credentials;  // by host
    /// Pushed after the image beside what the store knows of it (keep_artifact); not recorded.
    std::vector<store::Referrer> referrers = {};
};

/// Pushes an image: what the registry lacks, manifest last. Progress becomes events of the job.
/// Shape    the descriptor of the pushed manifest: another than the source's when layers were
/// redressed.
boost::asio::awaitable<Result<Descriptor>> push_image(
    Services& services, std::shared_ptr<Job> job, PushOrder order
);

}  // namespace kiln::daemon
