#pragma once

#include "daemon/exec/identity.hpp"
#include "daemon/exec/run_spec.hpp"
#include "store/base/file.hpp"

#include <string>
#include <vector>

namespace kiln::exec {

/// More are refused: each is a descriptor that travels with the order to run.
inline constexpr std::size_t k_most_mounts = 100;

/// Trees of what is lent to a RUN, ready to be mounted in it, one for each of spec.mounts. What
/// isn't mounted in the end is gone with its descriptor: nothing can stay behind.
///
/// A command never may more in what a user lends than that user:
/// - Kilnd as root: on disk, files of the lender are those of the command's user, and what the
///   command makes belongs to the lender. Files of any other owner are nobody's: the kernel lets
///   the command read them as far as they are everybody's, and write none of them, though it be the
///   sandbox's root. (Groups that the lender is in besides its own don't count, neither for nor
///   against.) If root lends, every owner is seen with its number.
/// - A file system that can't show other owners (NFS, FUSE): read-only what anyone may read; a
///   writable one is refused.
/// - Kilnd as an ordinary user: it lends to itself only, and its files are those of the sandbox's
///   root. For another user of the image nothing is writable, and is refused so.
/// Devices and setuid programs do nothing in lent directories.
///
/// `program` is what becomes the helper (mount_helper.hpp); `users` the worker's user namespace.
/// Errors   permission: another user's kilnd; unsupported: what this machine can't do, such as
///          lending what is mounted in another container. Each with its destination.
/// Thread   any; blocks.
Result<std::vector<Fd>> open_mounts(
    const std::string& program, const Identity& identity, const Fd& users, const RunSpec& spec
);

}  // namespace kiln::exec
