#pragma once

#include "layers/conda/channel/channel.hpp"
#include "store/base/error.hpp"

#include <string>

namespace kiln::daemon {

/// Where the user wrote a channel, and what it came to.
struct NamedChannel {
    conda::Channel channel;
    Span where = {};  // no file: not in a text (an option, the configuration)
};

/// A failure to fetch or read something of a channel, with the place that names the channel and
/// what to look at. A place inside the channel's own file becomes words: the user wrote none of it.
/// Shape    what has a hint keeps it; a cancellation stays as it is.
Error channel_failed(Error error, const NamedChannel& named);

/// not_found: a channel that has neither this platform's subdir nor noarch.
Error channel_is_empty(const NamedChannel& named, const std::string& platform);

}  // namespace kiln::daemon
