#include "daemon/exec/trial.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/program.hpp"
#include "daemon/exec/rootfs.hpp"
#include "daemon/exec/worker_root.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace kiln::exec {
namespace {

constexpr std::uint64_t k_namespaces =
    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET;

Result<void> try_whiteout(const std::string& folder) {
    const std::string path = folder + "/whiteout";
    if (::mknod(path.c_str(), S_IFCHR, ::makedev(0, 0)) != 0) {
        const int error_number = errno;
        return fail(explain_refusal(
            {.message = "the kernel refuses overlay whiteouts in a user namespace"}, error_number
        ));
    }
    return {};
}

[[noreturn]] void be_trial(const RootfsPlan& plan, Channel& report) {
    const auto entered = enter_rootfs(plan);
    if (entered) {
        static_cast<void>(report.send(MessageType::done));
    } else {
        static_cast<void>(report.send(MessageType::failed, render_error(entered.error())));
    }
    ::_exit(0);
}

Result<void> try_rootfs(const SessionTools& tools, const std::string& folder) {
    // Hosts and resolv.conf don't matter here; any file does.
    const RootfsPlan plan{
        .overlay =
            {.lowers = {k_empty_folder},
             .upper = folder + "/fs",
             .work = folder + "/work",
             .target = k_mount_folder},
        .own_network = true,
        .has_tty_group = tools.has_many_ids,
        .hosts_file = "/dev/null",
        .resolv_file = "/dev/null"};
    TRY_ASSIGN(auto reports, Channel::pair());
    const pid_t child = fork_into(k_namespaces);
    if (child < 0) {
        const int error_number = errno;
        return fail(explain_refusal({.message = "the kernel refuses namespaces"}, error_number));
    }
    if (child == 0) {
        be_trial(plan, reports.second);
    }
    { const Channel closed = std::move(reports.second); }
    auto told = expect(reports.first.receive(), MessageType::done);
    // SIGCHLD is ignored here: the wait returns when no child is left.
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (!told) {
        Error error = std::move(told).error();
        const int error_number = error.code == Code::permission ? EPERM : 0;
        return fail(explain_refusal(std::move(error), error_number));
    }
    return {};
}

}  // namespace

Result<void> try_sandbox(const SessionTools& tools, std::vector<Check>& checks) {
    const FreshDirectory folder(fresh_name(".run-"));
    for (const std::string& path :
         {folder.name(), folder.name() + "/fs", folder.name() + "/work"}) {
        if (::mkdir(path.c_str(), 0700) != 0) {
            return fail_errno(path);
        }
    }
    TRY(try_whiteout(folder.name()));
    TRY(try_rootfs(tools, folder.name()));
    checks.push_back({.name = "overlay in a user namespace", .ok = true, .detail = "available"});
    checks.push_back({.name = "fresh /proc and /sys", .ok = true, .detail = "available"});
    checks.push_back(
        {.name = "system call filter",
         .ok = true,
         .detail = std::to_string(tools.filter.size()) + " instructions"}
    );
    checks.push_back(
        {.name = "abstract sockets scoped",
         .ok = tools.can_scope_sockets,
         .detail =
             tools.can_scope_sockets ? "Landlock ABI 6 or later" : "needs Landlock of Linux 6.12"}
    );
    return {};
}

}  // namespace kiln::exec
