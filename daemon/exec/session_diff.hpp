#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/run_spec.hpp"
#include "daemon/exec/session.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/base/clock.hpp"

namespace kiln::exec {

/// The second half of a RUN's session: tells its changes and keeps them as a layer when asked to,
/// until the channel closes. `run` is the directory of the RUN, its command ended at rest.
Result<void> serve_changes(
    Channel& channel,
    const RunSpec& spec,
    const tree::FileTree& lower,
    UnixSeconds started,
    FreshDirectory& run
);

}  // namespace kiln::exec
