#pragma once

#include "daemon/conda/channel_error.hpp"
#include "daemon/conda/download.hpp"
#include "daemon/conda/repodata_files.hpp"
#include "daemon/services.hpp"
#include "layers/conda/channel/channel_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The subdirs of a channel that count for a platform: linux-64, then noarch.
std::vector<std::string> subdirs_of(const conda::Channel& channel, const std::string& platform);

/// What the channels of a solve offer for one platform.
struct ChannelRecordsOrder {
    std::vector<NamedChannel> channels;
    std::string platform;
    std::vector<std::string> names;  // what the solve starts from: more is loaded as it leads there
    RepodataFiles files;             // of every file:// channel
};

/// Loads the records that a solve of these names can reach: repodata of http(s) channels is asked
/// for again, and fetched when it changed; where a channel is sharded (cep-16), only the shards
/// that can be reached. All of it stays in the store for the next time. Channels that these build
/// upon or override (cep-42) are loaded too, as far as the settings say, each with a notice.
/// Errors   not_found for a channel that has neither subdir; permission for a directory that only
///          another channel names; those of Downloader, open_repodata(), read_channel_relations(),
///          related_channels() and order_channels(), naming the channel, with its place.
/// Thread   the loop; reading is done by the pool.
registry::Awaitable<Result<std::shared_ptr<conda::ChannelSource>>> load_channel_records(
    Services& services,
    std::shared_ptr<Job> job,
    Downloader& downloader,
    const store::Lease& lease,
    ChannelRecordsOrder order
);

}  // namespace kiln::daemon
