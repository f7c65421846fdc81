#pragma once

#include "layers/conda/channel/channel.hpp"
#include "layers/conda/channel/channel_relations.hpp"
#include "store/base/error.hpp"

#include <optional>
#include <string>

namespace kiln::daemon {

/// Where the user wrote a channel, and what it came to; or wrote the one that led to it.
struct NamedChannel {
    conda::Channel channel;
    Span where = {};  // no file: not in a text (an option, the configuration)
    std::optional<conda::ChannelRelation> through = {};  // by which it came in; not written itself
};

/// A failure to fetch or read something of a channel, with the place that names the channel and
/// what to look at. A place inside the channel's own file becomes words: the user wrote none of it.
/// Shape    what has a hint keeps it; a cancellation stays as it is.
Error channel_failed(Error error, const NamedChannel& named);

/// not_found: a channel that has neither this platform's subdir nor noarch.
Error channel_is_empty(const NamedChannel& named, const std::string& platform);

/// permission: a directory that only another one's repodata names. The client opens what its user
/// named, and nothing else for whoever wrote that repodata.
Error directory_not_named(const NamedChannel& named);

}  // namespace kiln::daemon
