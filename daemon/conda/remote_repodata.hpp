#pragma once

#include "daemon/conda/channel_error.hpp"
#include "daemon/conda/download.hpp"
#include "daemon/services.hpp"
#include "layers/conda/channel/channel_source.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The repodata of one subdir, as a server has it at the moment: the best of its forms.
struct RemoteRepodata {
    std::string name;  // "repodata_shards.msgpack.zst"
    Digest blob;

    [[nodiscard]] bool is_sharded() const;
};

/// Asks a server for the repodata below `subdir_url`; what did not change since is not fetched.
/// nullopt: there is none.
/// Errors   those of Downloader.
registry::Awaitable<Result<std::optional<RemoteRepodata>>> fetch_repodata(
    Services& services,
    Downloader& downloader,
    const store::Lease& lease,
    std::string subdir_url,
    std::string shown_as
);

/// A subdir whose shards are fetched when somebody gets to their names.
struct RemoteShards {
    std::shared_ptr<conda::ShardedSubdir> subdir;
    std::string index_url;
    std::string shown_as;  // "conda-forge/linux-64"
    NamedChannel named;
};

/// Brings the shards of these names that are not there yet, side by side. Each is fetched once and
/// never again: its name is its digest.
/// Errors   those of Downloader and conda::read_shard().
registry::Awaitable<Result<void>> fetch_shards(
    Services& services,
    Downloader& downloader,
    const store::Lease& lease,
    const std::vector<RemoteShards>& subdirs,
    const std::vector<std::string>& names
);

}  // namespace kiln::daemon
