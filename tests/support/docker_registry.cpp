#include "tests/support/docker_registry.hpp"

#include "tests/support/program.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <regex>

extern char** environ;

namespace kiln::testing {
namespace {

std::string configuration(const std::string& directory) {
    return fmt::format(
        "version: 0.1\n"
        "log: {{level: info, accesslog: {{disabled: true}}}}\n"
        "storage:\n  filesystem: {{rootdirectory: {0}/data}}\n"
        "http: {{addr: '127.0.0.1:0', secret: for-tests}}\n"
        "auth:\n  htpasswd: {{realm: tests, path: {0}/htpasswd}}\n",
        directory
    );
}

/// The log says which port the kernel gave.
std::string wait_for_host(int log) {
    std::string text;
    char buffer[4096];
    const std::regex listening("listening on (127\\.0\\.0\\.1:[0-9]+)");
    for (ssize_t count = 0; (count = ::read(log, buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(count));
        std::smatch found;
        if (std::regex_search(text, found, listening)) {
            return found[1];
        }
    }
    return "";
}

}  // namespace

std::unique_ptr<DockerRegistry> DockerRegistry::start() {
    const auto password = run_program({"htpasswd", "-Bbn", k_username, k_password});
    if (!password || ::access("/usr/bin/docker-registry", X_OK) != 0) {
        return nullptr;
    }
    std::unique_ptr<DockerRegistry> registry(new DockerRegistry);
    const std::string directory = registry->directory_.path();
    std::ofstream(directory + "/htpasswd") << password->output;
    std::ofstream(directory + "/config.yml") << configuration(directory);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return nullptr;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    std::string program = "/usr/bin/docker-registry";
    std::string command = "serve";
    std::string config = directory + "/config.yml";
    char* arguments[] = {program.data(), command.data(), config.data(), nullptr};
    const int failed =
        ::posix_spawn(&registry->pid_, program.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    registry->log_ = ends[0];
    registry->host_ = failed == 0 ? wait_for_host(ends[0]) : "";
    return registry->host_.empty() ? nullptr : std::move(registry);
}

DockerRegistry::~DockerRegistry() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (log_ >= 0) {
        ::close(log_);
    }
}

}  // namespace kiln::testing
