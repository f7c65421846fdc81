#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/run_spec.hpp"
#include "daemon/exec/session.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/base/clock.hpp"

#include <string>
#include <vector>

namespace kiln::exec {

/// A RUN whose command has ended, at rest.
struct Changes {
    const RunSpec& spec;
    const tree::FileTree& lower;
    UnixSeconds started = 0;
    FreshDirectory& run;
    /// Directories that came into the upper one without the command's doing. Those that the layer
    /// does not list go before it is kept, so that its directory holds what unpacking would.
    std::vector<std::string> bare;
};

/// The second half of a RUN's session: tells its changes and keeps them as a layer when asked to,
/// until the channel closes.
Result<void> serve_changes(Channel& channel, Changes& changes);

}  // namespace kiln::exec
