#include "daemon/exec/network_helper.hpp"

#include "daemon/exec/identity.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/mounts.hpp"
#include "daemon/exec/program.hpp"

#include <fmt/format.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace kiln::exec {
namespace {

constexpr const char* k_tun = "/dev/net/tun";
constexpr mode_t k_everybody = 0666;
constexpr unsigned k_tun_major = 10;
constexpr unsigned k_tun_minor = 200;
// Both are only seen in mount namespaces of this process.
constexpr const char* k_lent_tun = "/tmp/tun";
constexpr const char* k_network_file = "/tmp/network";

Result<void> own_mounts() {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return fail_errno("a mount namespace");
    }
    return mount({.source = "tmpfs", .target = "/tmp", .type = "tmpfs", .options = "size=64k"});
}

/// Some machines keep /dev/net/tun to root (it is everybody's under systemd). Root's kilnd may lend
/// it: with it one can only make interfaces in network namespaces one rules.
Result<void> lend_tun() {
    struct stat facts {};

    if (::geteuid() != 0 || ::stat(k_tun, &facts) != 0
        || (facts.st_mode & k_everybody) == k_everybody) {
        return {};
    }
    if (::unshare(CLONE_NEWNS) != 0) {
        return fail_errno("unshare");
    }
    TRY(own_mounts());
    // The tmpfs of own_mounts() has no devices where the host forbids it; then pasta says so.
    if (::mknod(k_lent_tun, S_IFCHR, ::makedev(k_tun_major, k_tun_minor)) != 0
        || ::chmod(k_lent_tun, k_everybody) != 0) {
        return fail_errno(k_lent_tun);
    }
    return mount({.source = k_lent_tun, .target = k_tun, .flags = MS_BIND});
}

Result<void> enter_sandbox() {
    TRY(become_root_of(k_network_users));
    if (::unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) {
        return fail_errno("unshare");
    }
    return own_mounts();
}

/// pasta takes a network namespace by path only, and has given up the right to use /proc/PID/ns.
Result<void> start_pasta(Channel& control) {
    TRY_ASSIGN(const Message hello, expect(control.receive(), MessageType::hello));
    const Fd file(::open(k_network_file, O_CREAT | O_RDONLY | O_CLOEXEC, 0600));
    TRY(mount(
        {.source = fmt::format("/proc/self/fd/{}", k_network_network),
         .target = k_network_file,
         .flags = MS_BIND}
    ));
    TRY_ASSIGN(
        const ProgramEnd end,
        run_program(
            {std::string(as_text(hello.payload)),
             "--quiet",
             "--config-net",
             "--netns-only",
             "--no-map-gw",  // the gateway's address would lead to the host's loopback
             "--dns-forward",
             k_name_server,
             "--tcp-ports",
             "none",
             "--udp-ports",
             "none",
             "--tcp-ns",
             "none",
             "--udp-ns",
             "none",
             "--netns",
             k_network_file}
        )
    );
    if (end.exit_code != 0) {
        return fail(Code::unsupported, "pasta says: {}", end.errors);
    }
    return {};
}

[[noreturn]] void be_first_process(Channel& control) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const auto started = start_pasta(control);
    if (started) {
        static_cast<void>(control.send(MessageType::done));
        // Until kilnd closes its end. Then this process ends, and its pid namespace with it.
        static_cast<void>(control.receive());
    } else {
        static_cast<void>(control.send(MessageType::failed, render_error(started.error())));
    }
    ::_exit(0);
}

Result<pid_t> start_first_process(Channel& control) {
    TRY(lend_tun());
    TRY(enter_sandbox());
    const pid_t child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        be_first_process(control);
    }
    return child;
}

}  // namespace

int serve_network_helper() {
    ::signal(SIGPIPE, SIG_IGN);
    ::fcntl(k_network_control, F_SETFD, FD_CLOEXEC);
    Channel control{Fd(k_network_control)};
    const auto first = start_first_process(control);
    if (!first) {
        static_cast<void>(control.send(MessageType::failed, render_error(first.error())));
        return 1;
    }
    { const Channel closed = std::move(control); }
    return wait_for(*first);
}

}  // namespace kiln::exec
