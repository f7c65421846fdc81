#pragma once

#include "layers/conda/environment_plan.hpp"
#include "layers/layer_builder.hpp"
#include "layers/table_of_contents.hpp"

#include <string>
#include <vector>

namespace kiln::conda {

struct CondaRecord {
    std::string text;
    /// Files that are not what the package's own manifest says of them, relative to the prefix: of
    /// another sha256, where it tells one and nothing was replaced in them.
    std::vector<std::string> unlike_manifest;
};

/// PREFIX/conda-meta/DIST.json of one package (cep-32): sorted keys, no path of the machine that
/// built, no credentials; url and channel are empty for packages given as files. `table` is of the
/// layer that holds the package, alone or with others: it knows sha256_in_prefix.
CondaRecord render_conda_meta(
    const PlannedPackage& planned, const std::string& prefix, const TableOfContents& table
);

/// That record as the only entry of a part of conda-meta's layer: one package more or less makes
/// one record anew.
Result<void> write_conda_record(
    const PlannedPackage& planned,
    const std::string& prefix,
    const CondaRecord& record,
    LayerBuilder& layer
);

/// What stands before the records: the directories, an empty history (cep-32 allows it; its dates
/// are what makes others' layers differ), and `state` and `frozen` where there is something to say.
Result<void> write_conda_meta_head(const EnvironmentPlan& plan, LayerBuilder& layer);

}  // namespace kiln::conda
