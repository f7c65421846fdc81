#pragma once

#include "daemon/exec/executor.hpp"
#include "store/base/log.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::exec {

struct SandboxOptions {
    /// Where unpacked layers live; made when absent, emptied of what a crash left. Everything in
    /// it belongs to ids of the worker's user namespace.
    std::string directory;
    /// Threads that decompress one layer.
    std::uint32_t workers = 2;
    /// Serves the standard network; "" for none, so that it is the host's.
    std::string pasta = "pasta";
    /// What becomes the worker; it must call run_worker_if_asked() first of all.
    std::string worker_program = "/proc/self/exe";
};

/// Our own sandbox. One design for root and for everybody else: kilnd stays outside, where
/// SO_PEERCRED is true, and one worker process lives in a user namespace whose ids 0.. are a
/// *shifted* range of the host's: from 2^30 when kilnd is root, the user's own id and the subuid
/// range otherwise. So RUN's root is never the host's root, no idmapped mounts are needed, and the
/// same code serves both. House.md's ladder becomes: rung 1 (not root) and rung 2 (root) are this
/// sandbox, rung 4 is RUN refused with the kernel setting that stands in the way. Rung 3 (chroot,
/// no walls at all) is left out.
/// Without a subuid range only id 0 exists inside: images all of whose files belong to root still
/// work, others are refused with their first foreign owner.
/// Thread   as Executor. The worker starts with the first call that needs it. `log` outlives it.
Result<std::unique_ptr<Executor>> make_sandbox(SandboxOptions options, Log& log);

/// The first statement of kilnd's main (and of tests that use the sandbox): when this process was
/// started to be the sandbox's worker, does that work and gives the exit code.
std::optional<int> run_worker_if_asked(int argc, char** argv);

}  // namespace kiln::exec
