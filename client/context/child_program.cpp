#include "client/context/child_program.hpp"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace kiln::client {
namespace {

struct Spawn {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    Spawn() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        // This program blocks the signals that it waits for; the other is to have them.
        sigset_t none{};
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    }

    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;

    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Result<pid_t> start_child(
    std::vector<std::string> arguments,
    std::vector<std::string> variables,
    const ChildStreams& streams
) {
    Spawn spawn;
    ::posix_spawn_file_actions_adddup2(&spawn.actions, streams.in, 0);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, streams.out, 1);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, streams.err, 2);
    pid_t child = -1;
    // The same commit is the same context, whoever fetches it: modes are part of it.
    const mode_t umask_before = ::umask(022);
    const int error = ::posix_spawnp(
        &child,
        arguments.front().c_str(),
        &spawn.actions,
        &spawn.attributes,
        pointers_to(arguments).data(),
        pointers_to(variables).data()
    );
    ::umask(umask_before);
    if (error != 0) {
        return fail(errno_error(error, arguments.front()));
    }
    return child;
}

int wait_for_child(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> own_variables() {
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each) {
        variables.emplace_back(*each);
    }
    return variables;
}

}  // namespace kiln::client
