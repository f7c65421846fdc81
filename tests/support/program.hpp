#pragma once

#include <optional>
#include <string>
#include <vector>

namespace kiln::testing {

struct ProgramResult {
    int exit_code = -1;  // 128 + the signal that ended it
    std::string output;  // stdout and stderr together
};

/// Runs a program of the host to its end (others' readers of what we write). nullopt when it isn't
/// installed. `environment` is added to ours.
std::optional<ProgramResult> run_program(
    const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}
);

}  // namespace kiln::testing
