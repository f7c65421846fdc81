#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/policy.hpp"
#include "daemon/exec/rootfs.hpp"
#include "daemon/exec/run_spec.hpp"

#include <vector>

namespace kiln::exec {

struct InitPlan {
    const RunSpec& spec;
    const RootfsPlan& rootfs;
    const std::vector<sock_filter>& filter;
    ScopeSockets scope = ScopeSockets::no;
    bool loopback = false;  // a fresh network namespace whose lo must be brought up
    int output = -1;
    int errors = -1;
    int leash = -1;  // a pipe: one byte says that the session lives and watches
    int report = -1;
};

/// Pid 1 of a RUN: puts the image together, starts the command and reaps until it ends; what else
/// runs then is killed by the kernel with its pid namespace. Tells the channel `report`:
/// `started` with the stubs made, or `failed`; then `ended` with the status of waitpid(2).
/// It is not dumpable, so nothing in its pid namespace can trace it or open what it holds.
[[noreturn]] void be_init(const InitPlan& plan);

}  // namespace kiln::exec
