#pragma once

#include "store/base/error.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// What a Dockerfile tells, before anything runs, of the place where a whole conda environment
/// comes to lie (FROM ENV, COPY --link --from=ENV / /).
struct ActivationPoint {
    std::vector<std::string> before;  // the config's variables; none of a FROM, which begins them
    std::vector<std::string> environment;  // with PATH, CONDA_PREFIX and CONDA_DEFAULT_ENV
    std::vector<std::string> names;        // which of the three it sets
};

/// PATH, CONDA_PREFIX and CONDA_DEFAULT_ENV of an environment, set into `environment`, but for
/// those in `later`: an ENV of the stage sets them, and the Dockerfile has its way.
ActivationPoint activate_prefix(
    const std::string& prefix,
    std::vector<std::string> environment,
    const std::set<std::string, std::less<>>& later
);

/// What an environment does to the variables where it lies, beside that: known when it was made.
struct Activation {
    std::map<std::string, std::string> variables;
    std::set<std::string> unset;  // by its scripts; none of `variables`
    bool operator==(const Activation&) const = default;
};

/// By the id of the step that laid the environment there. Instructions after it see what it sets,
/// and are planned with that once it is known.
using Activations = std::map<std::size_t, Activation>;

/// The variables of a config, after it.
std::vector<std::string> activated(
    std::vector<std::string> environment, const Activation& activation
);

/// What history says of it, so that a rebase can follow it: "ENV PATH=/opt/env/bin:$PATH B='two
/// words'", and "conda unset C". What a variable held before is told by its name, where it stands
/// between ':' and the ends. Nothing of what does nothing.
std::vector<std::string> activation_history(
    const ActivationPoint& point, const Activation& activation
);

/// What is remembered of scripts that ran: inverse of each other. Errors   corrupt.
std::string render_activation(const Activation& activation);
Result<Activation> parse_activation(std::string_view text);

}  // namespace kiln::daemon
