#include "daemon/exec/program.hpp"

#include "store/base/pipe.hpp"

#include <linux/sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace kiln::exec {
namespace {

constexpr std::size_t k_errors_kept_bytes = 4096;
// An ordinary user's PATH often lacks the second half; newuidmap and pasta live in /usr/bin.
constexpr std::array<std::string_view, 6> k_folders{
    "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"};

struct SpawnFacts {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    SpawnFacts() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }

    SpawnFacts(const SpawnFacts&) = delete;
    SpawnFacts& operator=(const SpawnFacts&) = delete;

    ~SpawnFacts() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
};

}  // namespace

Result<pid_t> start_program(const Program& program) {
    SpawnFacts spawn;
    // Copies above the range that is filled, so that no dup2 overwrites one still needed.
    std::vector<Fd> copies;
    const int first_free = static_cast<int>(program.descriptors.size()) + 3;
    for (std::size_t i = 0; i < program.descriptors.size(); ++i) {
        const int target = static_cast<int>(i);
        if (program.descriptors[i] < 0) {
            ::posix_spawn_file_actions_addopen(&spawn.actions, target, "/dev/null", O_RDWR, 0);
            continue;
        }
        copies.emplace_back(::fcntl(program.descriptors[i], F_DUPFD_CLOEXEC, first_free));
        ::posix_spawn_file_actions_adddup2(&spawn.actions, copies.back().get(), target);
    }
    ::posix_spawn_file_actions_addclosefrom_np(
        &spawn.actions, static_cast<int>(program.descriptors.size())
    );
    sigset_t signals{};
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&spawn.attributes, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&spawn.attributes, &signals);
    // Its own group: a Ctrl-C in the terminal of a foreground kilnd is kilnd's to handle.
    ::posix_spawnattr_setpgroup(&spawn.attributes, 0);
    ::posix_spawnattr_setflags(
        &spawn.attributes,
        static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)
    );
    std::vector<char*> arguments;
    for (const std::string& argument : program.arguments) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    const std::string& name = program.file.empty() ? program.arguments.front() : program.file;
    const auto file = find_program(name);
    if (!file) {
        return fail(Code::not_found, "{} is not installed", name);
    }
    pid_t child = -1;
    const int error = ::posix_spawn(
        &child, file->c_str(), &spawn.actions, &spawn.attributes, arguments.data(), environ
    );
    if (error != 0) {
        return fail(errno_error(error, *file));
    }
    return child;
}

Result<ProgramEnd> run_program(const std::vector<std::string>& arguments) {
    TRY_ASSIGN(Pipe pipe, Pipe::make());
    const int errors = pipe.write_end.get();
    TRY_ASSIGN(
        const pid_t child,
        start_program({.arguments = arguments, .file = {}, .descriptors = {-1, -1, errors}})
    );
    pipe.write_end = Fd();
    ProgramEnd end;
    std::array<std::byte, k_errors_kept_bytes> buffer{};
    StreamSource source(pipe.read_end.get());
    for (auto count = source.read(buffer); count && *count > 0; count = source.read(buffer)) {
        const std::size_t room = k_errors_kept_bytes - end.errors.size();
        end.errors += as_text(ByteSpan(buffer).first(std::min(*count, room)));
    }
    std::replace(end.errors.begin(), end.errors.end(), '\n', ' ');
    end.exit_code = wait_for(child);
    return end;
}

pid_t fork_into(std::uint64_t namespaces) {
    clone_args arguments{};
    arguments.flags = namespaces;
    arguments.exit_signal = SIGCHLD;
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

int wait_for(pid_t child) {
    int status = 0;
    pid_t waited = -1;
    do {
        waited = ::waitpid(child, &status, 0);
    } while (waited < 0 && errno == EINTR);
    if (waited < 0) {
        return 128 + SIGKILL;  // somebody else has waited for it; all that's left is that it's gone
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::optional<std::string> find_program(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        return std::string(name);
    }
    for (const std::string_view folder : k_folders) {
        std::string path = std::string(folder) + "/" + std::string(name);
        if (::access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return std::nullopt;
}

}  // namespace kiln::exec
