#pragma once

#include "daemon/build/chain.hpp"
#include "daemon/build/conda_packages.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/layer_writer.hpp"
#include "layers/conda/pip/install.hpp"
#include "layers/conda/scripts/compile_pyc.hpp"
#include "layers/conda/scripts/link_scripts.hpp"

#include <memory>
#include <optional>
#include <string>

namespace kiln::daemon {

/// Whether a build says what it warns of; who only looks at an environment has nothing to say.
enum class Tells : std::uint8_t { warnings, nothing };

struct EnvironmentBuild {
    const CondaContext& context;
    std::size_t max_layers = 0;  // what the environment may take
    UnixSeconds epoch = k_default_epoch;
    LayerOptions layer;
    bool no_cache = false;
    conda::LinkScriptPolicy link_scripts;
    bool compile_pyc = false;
    Tells tells = Tells::warnings;
    const store::Lease& lease;
    std::shared_ptr<Job> job;
    FetchPackage fetch;
};

/// A run of the environment's own pip, or of python for it.
struct PipStep {
    conda::PipRun run;
    std::string names;  // of what is installed, as history tells it; empty: it is compiled
    Digest files;       // diff_id of a layer with what it reads, for that run alone
};

/// A locked conda environment as layers: one a package or bucket and one of conda-meta, each made
/// once and found again by its key in every later build, whatever it stands on.
struct Environment {
    std::string prefix;
    Chain chain;
    /// Whether it may hold variables that are set where it is active: else nobody looks.
    bool declares_variables = false;
    /// What is still to run where the environment lies on its base.
    conda::LinkScriptPlan scripts;
    std::optional<conda::CompilePlan> compile;
    std::optional<Digest> compile_list;  // diff_id of a layer with its list, for that run alone
    /// What pip installs on top of all that, and what is compiled of it.
    std::vector<PipStep> pip;
};

/// Errors   invalid_input and not_found with the place in the lock; digest_mismatch.
/// Thread   the loop; the work is done by the pool.
boost::asio::awaitable<Result<Environment>> build_environment(
    Services& services, EnvironmentBuild build
);

}  // namespace kiln::daemon
