#pragma once

#include "daemon/exec/run_spec.hpp"
#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <string>
#include <vector>

namespace kiln::exec {

/// The argument that makes a program the helper of a RUN's mounts, and the descriptors it finds.
inline constexpr const char* k_mounts_argument = "--kiln-sandbox-mounts";
inline constexpr int k_mounts_control = 3;
inline constexpr int k_mounts_users =
    4;  // the worker's user namespace, where that is to be entered

/// What becomes of each open file that comes with the order.
struct TreeOrder {
    std::string destination;  // for errors
    bool read_only = false;
    MountRights rights = MountRights::lender;
};

struct MountsOrder {
    /// The maps of owners (owner_map.hpp), for kilnd as root. Empty: the trees are made by the
    /// worker's root, for whom owners are as they are.
    std::string uid_map;
    std::string gid_map;
    std::vector<TreeOrder> trees;
};

Bytes render_mounts(const MountsOrder& order);
Result<MountsOrder> parse_mounts(ByteSpan payload);

/// Makes trees that can be mounted of files that are open, and ends. A process of its own, because
/// an ordinary user must be root of the worker's user namespace, in the host's mounts, to do so.
/// Shape    gets MountsOrder in `hello`, with the files; tells `done` with as many trees, or
/// `failed`.
int serve_mount_helper();

}  // namespace kiln::exec
