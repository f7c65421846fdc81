#pragma once

#include "store/base/error.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace kiln::client {

/// What a program speaks through.
struct ChildStreams {
    int in = 0;
    int out = 1;
    int err = 2;
};

/// Starts a program of this machine, with no signal blocked; its files are made with umask 022.
/// Shape    `arguments` begin with its name; `variables` are its whole environment.
/// Errors   not_found: it is not installed.
Result<pid_t> start_child(
    std::vector<std::string> arguments,
    std::vector<std::string> variables,
    const ChildStreams& streams
);

/// Waits for its end: its exit code, or 128 and the number of the signal that ended it.
int wait_for_child(pid_t child);

/// The variables of this program.
std::vector<std::string> own_variables();

}  // namespace kiln::client
