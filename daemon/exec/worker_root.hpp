#pragma once

#include "daemon/exec/channel.hpp"
#include "store/base/error.hpp"

namespace kiln::exec {

/// Puts this process into a new user namespace, waits on `control` until kilnd has given it ids,
/// and becomes its root.
/// Errors   unsupported, naming what stands in the way.
Result<void> enter_user_namespace(Channel& control);

/// Then leaves the host's tree: what the worker and its sessions see is a tmpfs with the unpacked
/// layers (the working directory), the kernel's file systems (a fresh /proc may only be mounted
/// where one can be seen whole) and six devices. A mount namespace this small is also copied fast.
Result<void> enter_worker_root();

/// What the kernel's settings say about a refused user namespace or mount.
Error explain_refusal(Error error, int error_number);

}  // namespace kiln::exec
