#pragma once

#include "layers/conda/channel/channel_source.hpp"
#include "store/store.hpp"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace kiln::daemon {

/// The records of a subdir whose repodata is a blob of the store, plain or compressed. It is read
/// whole once; its index, and its plain text where it was compressed, are kept beside it.
/// Errors   as conda::Repodata::read(), `what` naming the document; those of the store; cancelled.
/// Thread   the pool.
Result<std::shared_ptr<const conda::SubdirRecords>> open_repodata(
    store::Store& store,
    const store::Lease& lease,
    const Digest& repodata,
    const std::string& what,
    const std::stop_token& stop
);

/// Whether open_repodata() needs nothing more: the blob, or what was once made of it.
Result<bool> has_repodata(store::Store& store, const store::Lease& lease, const Digest& repodata);

}  // namespace kiln::daemon
