#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/policy.hpp"
#include "daemon/exec/rootfs.hpp"
#include "daemon/exec/run_spec.hpp"

#include <csignal>
#include <vector>

namespace kiln::exec {

/// Whether a signal may be sent to a command: those that ask for something.
bool is_forwarded(int signal);

/// While this lives, signals that are forwarded wait, as does SIGCHLD.
class ForwardedSignals {
  public:
    ForwardedSignals();
    ForwardedSignals(const ForwardedSignals&) = delete;
    ForwardedSignals& operator=(const ForwardedSignals&) = delete;
    ~ForwardedSignals();

    /// All of them.
    static sigset_t set();

  private:
    sigset_t before_{};
};

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
/// `started` with the stubs made, or `failed`; then `ended` with the status of waitpid(2). Signals
/// that it gets go to the command; SIGINT, as from a terminal, to all of its process group.
/// It is not dumpable, so nothing in its pid namespace can trace it or open what it holds.
[[noreturn]] void be_init(const InitPlan& plan);

}  // namespace kiln::exec
