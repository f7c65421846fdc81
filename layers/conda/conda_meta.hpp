#pragma once

#include "layers/conda/environment_plan.hpp"
#include "layers/layer_builder.hpp"
#include "layers/table_of_contents.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kiln::conda {

/// PREFIX/conda-meta/DIST.json of one package (cep-32): sorted keys, no path of the machine that
/// built, no credentials; url and channel are empty for packages given as files. `table` is of the
/// layer (or bucket) that holds the package: it knows sha256_in_prefix.
std::string render_conda_meta(
    const PlannedPackage& planned, const std::string& prefix, const TableOfContents& table
);

/// The last layer of an environment: one record a package and an empty history (cep-32 allows it;
/// its dates are what makes others' layers differ). `tables`: one a package, in the plan's order.
Result<void> write_conda_meta_layer(
    const EnvironmentPlan& plan,
    const std::vector<std::shared_ptr<const TableOfContents>>& tables,
    LayerBuilder& layer
);

}  // namespace kiln::conda
