#pragma once

#include "store/base/error.hpp"

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::daemon {

/// What a Dockerfile tells, before anything runs, of the place where a whole conda environment
/// comes to lie (FROM ENV, COPY --link --from=ENV / /).
struct ActivationPoint {
    /// The config's variables there, PATH, CONDA_PREFIX and CONDA_DEFAULT_ENV among them.
    std::vector<std::string> environment;
    /// What an ENV would have to say to set those: "PATH=/opt/env/bin:$PATH …". Empty after FROM,
    /// where they are the stage's beginning, and where the Dockerfile says it itself.
    std::string instruction;
    /// Names that an ENV of the stage sets later on: the Dockerfile has its way.
    std::set<std::string, std::less<>> later;
};

/// PATH, CONDA_PREFIX and CONDA_DEFAULT_ENV of an environment, as ENV would say it and set into
/// `environment`, but for those in `later`.
ActivationPoint activate_prefix(
    const std::string& prefix,
    std::vector<std::string> environment,
    std::set<std::string, std::less<>> later
);

/// An environment that lies in a stage, and what it sets there beside that: known when it was made.
struct Activation {
    std::vector<std::string> planned;  // ActivationPoint::environment
    std::map<std::string, std::string> variables;
};

/// The variables of a step or config as the Dockerfile has them, with what environments below set:
/// a variable that the Dockerfile sets after an environment came stays as it says.
std::vector<std::string> with_activations(
    std::vector<std::string> environment, std::span<const Activation> activations
);

/// "ENV A=1 B=\"two words\"": what history says of it, so that it may be followed again. Empty
/// when nothing is set.
std::string activation_instruction(
    std::string_view instruction, const std::map<std::string, std::string>& variables
);

/// What is remembered of scripts that ran: inverse of each other. Errors   corrupt.
std::string render_variables(const std::map<std::string, std::string>& variables);
Result<std::map<std::string, std::string>> parse_variables(std::string_view text);

}  // namespace kiln::daemon
