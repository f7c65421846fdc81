#include "daemon/exec/init.hpp"

#include "daemon/exec/message.hpp"
#include "store/base/pipe.hpp"

#include <fmt/format.h>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

namespace kiln::exec {
namespace {

// Docker gives this PATH where the image sets none; here it serves only to find the command.
constexpr std::string_view k_default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Dies with the session. Errors   cancelled when the session is gone already.
Result<void> put_on_leash(int leash) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    std::byte alive{};
    ssize_t count = -1;
    do {
        count = ::read(leash, &alive, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) {
        return fail(Code::cancelled, "the session is gone");
    }
    return {};
}

Result<void> raise_loopback() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (!socket.is_open() || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
        return fail_errno("lo");
    }
    return {};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        all.push_back(const_cast<char*>(text.c_str()));
    }
    all.push_back(nullptr);
    return all;
}

std::string_view search_path(const std::vector<std::string>& environment) {
    constexpr std::string_view k_name = "PATH=";
    for (const std::string_view variable : environment) {
        if (variable.substr(0, k_name.size()) == k_name) {
            return variable.substr(k_name.size());
        }
    }
    return k_default_path;
}

tl::unexpected<Error> cannot_execute(int error, const std::string& name) {
    if (error == ENOENT || error == ENOTDIR) {
        return fail(Code::not_found, "the image has no {} to run", name);
    }
    if (error == ENOEXEC) {
        return fail(Code::invalid_input, "{} is not a program for this machine", name);
    }
    if (error == E2BIG) {
        return fail(Code::too_large, "the arguments and environment of {} are too long", name);
    }
    return fail(errno_error(error, fmt::format("run {}", name)));
}

/// execvpe(3) with the command's own PATH. Returns only to say why not.
Result<void> execute(const RunSpec& spec) {
    const std::vector<char*> arguments = pointers(spec.arguments);
    const std::vector<char*> environment = pointers(spec.environment);
    const std::string& name = spec.arguments.front();
    if (name.find('/') != std::string::npos) {
        ::execve(name.c_str(), arguments.data(), environment.data());
        return cannot_execute(errno, name);
    }
    int error = ENOENT;
    for (std::string_view path = search_path(spec.environment); !path.empty();) {
        const std::string_view folder = path.substr(0, path.find(':'));
        path.remove_prefix(std::min(folder.size() + 1, path.size()));
        const std::string file = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
        ::execve(file.c_str(), arguments.data(), environment.data());
        if (errno != ENOENT && errno != ENOTDIR) {
            error = errno;
            if (error != EACCES) {
                break;
            }
        }
    }
    return cannot_execute(error, name);
}

Result<void> use_streams(const InitPlan& plan) {
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int input = plan.spec.input >= 0 ? plan.spec.input : nothing.get();
    if (!nothing.is_open() || ::dup2(input, STDIN_FILENO) < 0
        || ::dup2(plan.output, STDOUT_FILENO) < 0 || ::dup2(plan.errors, STDERR_FILENO) < 0) {
        return fail_errno("the command's stdin, stdout and stderr");
    }
    return {};
}

Result<void> become_command(const InitPlan& plan) {
    reset_process();
    TRY(use_streams(plan));
    if (::chdir(plan.spec.working_directory.c_str()) != 0) {
        return fail_errno(fmt::format("the directory {}", plan.spec.working_directory));
    }
    TRY(drop_rights(plan.spec, plan.filter, plan.scope));
    return execute(plan.spec);
}

void tell(int pipe, const Error& error) {
    static_cast<void>(write_all(pipe, render_error(error)));
}

/// Starts the command. Its failure up to and including execve comes through a pipe that a
/// successful execve closes.
Result<pid_t> start_command(const InitPlan& plan) {
    TRY_ASSIGN(Pipe pipe, Pipe::make());
    const pid_t child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        const auto failed = become_command(plan);
        tell(pipe.write_end.get(), failed.error());
        ::_exit(127);
    }
    pipe.write_end = Fd();
    StreamSource source(pipe.read_end.get());
    TRY_ASSIGN(const Bytes failure, read_all(source, k_message_bytes, "the command's failure"));
    if (!failure.empty()) {
        return fail(parse_error(failure));
    }
    return child;
}

/// The command's status, when it has ended; reaps whatever else has.
std::optional<int> reap(pid_t command) {
    while (true) {
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, WNOHANG);
        if (ended == command || (ended < 0 && errno == ECHILD)) {
            return status;
        }
        if (ended <= 0) {
            return std::nullopt;
        }
    }
}

int reap_until(pid_t command) {
    const sigset_t signals = ForwardedSignals::set();
    while (true) {
        if (const auto status = reap(command)) {
            return *status;
        }
        const int signal = ::sigwaitinfo(&signals, nullptr);
        if (signal > 0 && signal != SIGCHLD) {
            ::kill(signal == SIGINT ? -command : command, signal);
        }
    }
}

Result<pid_t> start(const InitPlan& plan, Channel& report) {
    TRY(put_on_leash(plan.leash));
    if (::sethostname(plan.spec.hostname.data(), plan.spec.hostname.size()) != 0) {
        return fail(Code::invalid_input, "{} can't be a host name", plan.spec.hostname);
    }
    if (plan.loopback) {
        TRY(raise_loopback());
    }
    TRY_ASSIGN(const auto stubs, enter_rootfs(plan.rootfs), "while preparing the root file system");
    PayloadWriter payload;
    payload.number(stubs.size());
    for (const Stub& stub : stubs) {
        payload.text(stub.path).number(stub.inode);
    }
    TRY(report.send(MessageType::started, payload.bytes()));
    return start_command(plan);
}

}  // namespace

bool is_forwarded(int signal) {
    constexpr std::array k_forwarded{
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
    return std::find(k_forwarded.begin(), k_forwarded.end(), signal) != k_forwarded.end();
}

sigset_t ForwardedSignals::set() {
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (int signal = 1; signal < NSIG; ++signal) {
        if (is_forwarded(signal)) {
            sigaddset(&signals, signal);
        }
    }
    return signals;
}

ForwardedSignals::ForwardedSignals() {
    const sigset_t signals = set();
    ::sigprocmask(SIG_BLOCK, &signals, &before_);
}

ForwardedSignals::~ForwardedSignals() {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void be_init(const InitPlan& plan) {
    Channel report{Fd(plan.report)};
    const auto command = start(plan, report);
    if (!command) {
        static_cast<void>(report.send(MessageType::failed, render_error(command.error())));
        ::_exit(1);
    }
    // Its own copies would keep the pipes open for readers.
    ::close(plan.output);
    ::close(plan.errors);
    const int status = reap_until(*command);
    PayloadWriter payload;
    payload.number(static_cast<std::uint64_t>(status));
    static_cast<void>(report.send(MessageType::ended, payload.bytes()));
    ::_exit(0);
}

}  // namespace kiln::exec
