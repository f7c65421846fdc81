#pragma once

#include "layers/conda/installed/installed_environment.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_variables_bytes = 1UL << 20U;  // of one file that declares some
inline constexpr std::size_t k_variables = 4'096;             // of one environment

/// Whether a program can be given a variable of that name: a letter or '_', then digits too.
bool is_variable_name(std::string_view name);

/// What is set where an environment is active, without any of its code being run.
struct DeclaredVariables {
    std::map<std::string, std::string> variables;
    std::vector<std::string> warnings;  // what could not be taken: a sentence each
    bool operator==(const DeclaredVariables&) const = default;
};

/// One file of env_vars.d: an object of names and texts. Adds them to `into`, over what is there.
/// What is none of that becomes a warning that names the file.
void read_declared(std::string_view text, const std::string& file, DeclaredVariables& into);

/// PREFIX/etc/conda/env_vars.d/*.json in the order of their names, a later one before an earlier;
/// then env_vars of PREFIX/conda-meta/state, where `conda env config vars set` and an
/// environment.yml leave theirs. A value "***unset***" takes a variable away, as conda has it.
/// Errors   those of `read`.
Result<DeclaredVariables> read_declared_variables(
    const tree::FileTree& tree, const std::string& prefix, const ReadContent& read
);

/// PREFIX/etc/conda/activate.d/*.sh, in the order in which they are sourced; absolute paths in the
/// image.
std::vector<std::string> activation_scripts(const tree::FileTree& tree, const std::string& prefix);

}  // namespace kiln::conda
