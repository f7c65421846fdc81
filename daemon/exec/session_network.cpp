#include "daemon/exec/message.hpp"
#include "daemon/exec/session.hpp"
#include "store/base/file.hpp"

#include <sched.h>

#include <array>
#include <cerrno>

namespace kiln::exec {

/// A fresh network namespace of the worker's user namespace: both as descriptors. It lives as long
/// as kilnd or a RUN holds it.
Result<void> serve_network(Channel& channel) {
    if (::unshare(CLONE_NEWNET) != 0) {
        return fail_errno("make a network namespace");
    }
    TRY_ASSIGN(
        const Fd users, open_at(AT_FDCWD, "/proc/self/ns/user", O_RDONLY, Resolve::anywhere)
    );
    TRY_ASSIGN(
        const Fd network, open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, Resolve::anywhere)
    );
    const std::array<int, 2> namespaces{users.get(), network.get()};
    return channel.send(MessageType::done, {}, namespaces);
}

}  // namespace kiln::exec
