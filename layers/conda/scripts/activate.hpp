#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// More is no environment that execve would take.
inline constexpr std::size_t k_activation_bytes = 2UL << 20U;

/// A program for sh that sources the scripts one after the other, as `conda activate` does, and
/// writes on stdout the variables that programs are given before and after. What the scripts
/// themselves write goes to stderr.
std::string activation_program(const std::vector<std::string>& scripts);

/// What scripts did to the variables that programs are given.
struct ScriptedVariables {
    std::map<std::string, std::string> set;  // new, or with another value
    std::set<std::string> unset;             // given before, and no more
    bool operator==(const ScriptedVariables&) const = default;
};

/// Out of what that program wrote, without those that a shell keeps for itself (_, SHLVL, PWD,
/// OLDPWD, PS1) and without its functions. Errors   step_failed: it did not come to its end, for a
/// script left the shell.
Result<ScriptedVariables> read_activation(std::string_view output);

}  // namespace kiln::conda
