#include "daemon/exec/worker.hpp"

#include "daemon/exec/implied.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/mount_helper.hpp"
#include "daemon/exec/network_helper.hpp"
#include "daemon/exec/rootfs.hpp"
#include "daemon/exec/sandbox.hpp"
#include "daemon/exec/session.hpp"
#include "daemon/exec/trial.hpp"
#include "daemon/exec/worker_root.hpp"
#include "store/base/clock.hpp"
#include "store/base/log.hpp"

#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace kiln::exec {
namespace {

constexpr std::size_t k_boot_bytes = 4096;
constexpr const char* k_boot_file = ".boot";

/// Nothing unpacked is ever synced: it can be made again. So what an earlier boot of the machine
/// left may be torn, one with other ids belongs to nobody, and a crash of kilnd left temporary
/// names; all of that is moved aside.
/// Shape    how many directories wait to be removed.
Result<std::size_t> set_aside_leftovers() {
    std::string boot;
    for (const char* path :
         {"/proc/sys/kernel/random/boot_id", "/proc/self/uid_map", "/proc/self/gid_map"}) {
        TRY_ASSIGN(const std::string text, read_file_at(AT_FDCWD, path, k_boot_bytes));
        boot += text;
    }
    const auto known = read_file_at(AT_FDCWD, k_boot_file, 3 * k_boot_bytes);
    const bool same_boot = known && *known == boot;
    TRY_ASSIGN(const auto names, list_directory(AT_FDCWD));
    std::size_t aside = 0;
    for (const std::string& name : names) {
        const bool whole = same_boot && !name.starts_with('.');
        if (whole || name == k_boot_file) {
            continue;
        }
        ++aside;
        if (!name.starts_with(".gone-")
            && ::rename(name.c_str(), fresh_name(".gone-").c_str()) != 0) {
            return fail_errno(name);
        }
    }
    if (!same_boot) {
        const Fd file(::open(k_boot_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        TRY(write_all(file.get(), as_bytes(boot)));
    }
    return aside;
}

void remove_leftovers() {
    const auto names = list_directory(AT_FDCWD);
    if (!names) {
        return;
    }
    for (const std::string& name : *names) {
        if (name.starts_with(".gone-")) {
            static_cast<void>(remove_tree_at(AT_FDCWD, name));
        }
    }
}

/// Runs `work` in a process of its own that dies with this one.
template<class Work>
void fork_to(const Work& work) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child != 0) {
        return;  // a failed fork closes the request's channel, which is how kilnd learns of it
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() == parent) {
        ::signal(SIGCHLD, SIG_DFL);
        work();
    }
    ::_exit(0);
}

Result<SessionTools> prepare(Channel& control, std::vector<Check>& checks) {
    TRY(expect(control.receive(), MessageType::hello));
    TRY(enter_user_namespace(control));
    checks.push_back({.name = "user namespaces", .ok = true, .detail = "available"});
    TRY(enter_worker_root());
    SessionTools tools;
    // Group 5 owns terminals; with a single id there is no such group.
    tools.has_many_ids = ::setfsgid(5) == 0 && ::setfsgid(0) == 5;
    tools.can_scope_sockets = can_scope_abstract_sockets();
    TRY_ASSIGN(tools.filter, compile_syscall_filter());
    TRY(try_sandbox(tools, checks));
    return tools;
}

/// A table is checked here once, so that no RUN has to.
void take_table(const Message& message, Tables& tables) {
    Digest::Raw raw{};
    if (message.payload.size() != raw.size()) {
        return;
    }
    std::copy(message.payload.begin(), message.payload.end(), raw.begin());
    tables.erase(Digest(raw));
    if (message.type == MessageType::table && message.descriptors.size() == 1) {
        const auto open = [&]() -> Result<KnownTable> {
            TRY_ASSIGN(MappedFile file, MappedFile::map(message.descriptors.front()));
            TRY_ASSIGN(auto table, TableOfContents::open(std::move(file)));
            auto implied = implied_directories(*table);
            return KnownTable{.table = std::move(table), .implied = std::move(implied)};
        };
        tables.emplace(Digest(raw), open());
    }
}

void serve_control(Channel& control, SessionTools& tools) {
    while (true) {
        auto message = control.receive();
        if (!message) {
            return;  // kilnd is gone, and with this process all its sessions
        }
        if (message->type != MessageType::session || message->descriptors.size() != 1) {
            take_table(*message, tools.tables);
            continue;
        }
        const auto serve = [&] {
            { const Channel closed = std::move(control); }
            serve_session(Channel(std::move(message->descriptors.front())), tools);
        };
        fork_to(serve);
    }
}

}  // namespace

int serve_worker() {
    ::prctl(PR_SET_NAME, "kiln-sandbox", 0, 0, 0);
    // Sessions are reaped by nobody; their channels say how they ended.
    ::signal(SIGCHLD, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    const SystemClock clock;
    Log log(STDERR_FILENO, LogLevel::info, clock);
    Channel control{Fd(k_worker_control)};
    if (::fchdir(k_worker_directory) != 0 || ::close(k_worker_directory) != 0) {
        log.error("sandbox.no_directory");
        return 1;
    }
    std::vector<Check> checks;
    auto tools = prepare(control, checks);
    if (!tools) {
        static_cast<void>(control.send(MessageType::failed, render_error(tools.error())));
        return 1;
    }
    const auto aside = set_aside_leftovers();
    if (!aside) {
        static_cast<void>(control.send(MessageType::failed, render_error(aside.error())));
        return 1;
    }
    if (*aside > 0) {
        log.info("sandbox.leftovers", {{"directories", std::to_string(*aside)}});
        fork_to(remove_leftovers);
    }
    const auto users = open_at(AT_FDCWD, "/proc/self/ns/user", O_RDONLY, Resolve::anywhere);
    if (!users) {
        static_cast<void>(control.send(MessageType::failed, render_error(users.error())));
        return 1;
    }
    const std::array<int, 1> namespaces{users->get()};
    if (control.send(MessageType::ready, render_checks(checks), namespaces)) {
        serve_control(control, *tools);
    }
    return 0;
}

std::optional<int> run_worker_if_asked(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == k_worker_argument) {
        return serve_worker();
    }
    if (argc == 2 && std::string_view(argv[1]) == k_network_argument) {
        return serve_network_helper();
    }
    if (argc == 2 && std::string_view(argv[1]) == k_mounts_argument) {
        return serve_mount_helper();
    }
    return std::nullopt;
}

}  // namespace kiln::exec
