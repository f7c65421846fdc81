#pragma once

#include "daemon/exec/run_spec.hpp"
#include "store/base/error.hpp"

#include <linux/filter.h>

#include <vector>

namespace kiln::exec {

/// The seccomp program of every RUN, compiled once.
/// Errors   unsupported when this architecture or kernel has no seccomp filters.
Result<std::vector<sock_filter>> compile_syscall_filter();

/// Whether Landlock can keep abstract sockets apart (ABI 6, Linux 6.12).
bool can_scope_abstract_sockets();

enum class ScopeSockets : std::uint8_t { no, yes };

/// What the command's own process gives up before execve, in this order: the sight of abstract
/// sockets outside of it (when asked for), the inherited keyring, system calls, groups, all
/// capabilities but Docker's default ones, and its user. It keeps no_new_privs off, as Docker does:
/// setuid programs of the image work, within its namespaces.
/// Errors   invalid_input when an id is not mapped here.
Result<void> drop_rights(
    const RunSpec& spec, const std::vector<sock_filter>& filter, ScopeSockets scope
);

/// Limits and manners that must not depend on how kilnd was started: open files, core dumps, umask,
/// signals, session, out-of-memory score.
void reset_process();

}  // namespace kiln::exec
