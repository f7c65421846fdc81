#include "tests/support/program.hpp"

#include "store/base/file.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace kiln::testing {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts) {
        all.push_back(const_cast<char*>(text.c_str()));
    }
    all.push_back(nullptr);
    return all;
}

}  // namespace

std::optional<ProgramResult> run_program(
    const std::vector<std::string>& arguments, const std::vector<std::string>& environment
) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    std::vector<std::string> variables = environment;
    for (char** each = environ; *each != nullptr; ++each) {
        variables.emplace_back(*each);
    }
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
    pid_t child = 0;
    const int error = ::posix_spawnp(
        &child,
        arguments.front().c_str(),
        &actions,
        nullptr,
        pointers(arguments).data(),
        pointers(variables).data()
    );
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return std::nullopt;
    }
    writing = Fd();
    ProgramResult result;
    StreamSource source(reading.get());
    if (const auto output = read_all(source, 64UL << 20U, "output")) {
        result.output = as_text(*output);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace kiln::testing
