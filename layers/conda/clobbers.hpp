#pragma once

#include "layers/conda/environment_plan.hpp"
#include "layers/conda/link.hpp"

#include <vector>

namespace kiln::conda {

/// Settles before a byte is written what linking one package after the other would leave: of a path
/// that two packages have, a file where another has a directory, or a directory where another has
/// a file, the package linked last keeps what it has. What the others lose goes to their
/// `lost_paths`, with a warning that names both; so does what a package brings to conda-meta, which
/// is the environment's own (cep-34).
/// Shape    `targets` one a package, in the plan's order; lost_paths come out in tar::path_less.
void settle_clobbers(const std::vector<LinkTargets>& targets, EnvironmentPlan& plan);

}  // namespace kiln::conda
