#pragma once

#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::exec {

/// A program of the host that kilnd starts, with these descriptors as its 0, 1, 2, 3… and no other.
struct Program {
    std::vector<std::string> arguments;  // the first is a path, or a name for find_program()
    std::string file = {};               // what is executed, when not the first argument
    std::vector<int> descriptors = {};   // -1: /dev/null
};

/// Its process id; the caller waits for exactly that one.
Result<pid_t> start_program(const Program& program);

struct ProgramEnd {
    int exit_code = 0;   // 128 + signal when a signal ended it
    std::string errors;  // what it wrote to stderr, the first 4 KiB, on one line
};

/// Runs it to its end with nothing to read. Errors   not_found when it is not installed.
Result<ProgramEnd> run_program(const std::vector<std::string>& arguments);

/// As fork(), but the child is the first in these namespaces (CLONE_NEW…): 0 there, its process id
/// here, or -1 with errno.
pid_t fork_into(std::uint64_t namespaces);

/// The exit code of a child of ours: 128 + signal when a signal ended it.
int wait_for(pid_t child);

/// Where the folders for programs of the system have it; PATH is not asked. A path stays as it is.
std::optional<std::string> find_program(std::string_view name);

}  // namespace kiln::exec
