#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/description.hpp"
#include "daemon/exec/identity.hpp"
#include "daemon/exec/run_spec.hpp"
#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <sys/types.h>

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace kiln::exec {

/// The worker as kilnd sees it: a child, and the channel on which sessions are asked for.
/// Thread   one at a time.
class WorkerProcess {
  public:
    /// Starts `program` as the worker on an open directory and waits until it is ready. `checks`
    /// gets what was found out, also when that is a failure.
    /// Errors   unsupported, naming what stands in the way; internal when it died.
    static Result<std::unique_ptr<WorkerProcess>> start(
        const std::string& program,
        const Fd& directory,
        const Identity& identity,
        std::vector<Check>& checks
    );

    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    /// Ends the worker and everything it runs, and waits for it.
    ~WorkerProcess();

    /// A channel to a fresh session, which knows the tables of `layers`: each is sent to the worker
    /// once, and checked there once. Errors   internal when the worker has died.
    Result<Channel> open_session(std::span<const LowerLayer> layers);
    void forget_table(const Digest& diff_id);

    /// Its user namespace; the descriptor is the caller's.
    [[nodiscard]] Result<Fd> users() const { return duplicate(users_); }

  private:
    WorkerProcess(Channel control, pid_t process)
        : control_(std::move(control)),
          process_(process) {}

    Result<void> introduce(const Identity& identity, std::vector<Check>& checks);

    Channel control_;
    pid_t process_;
    Fd users_;
    std::set<Digest> tables_;  // that the worker has
};

}  // namespace kiln::exec
