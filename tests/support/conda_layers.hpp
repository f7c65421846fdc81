#pragma once

#include "layers/conda/environment_plan.hpp"
#include "store/base/file.hpp"
#include "tests/support/layer_in_memory.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// A package file that is open and described as the daemon would.
struct OpenPackage {
    Fd fd;
    conda::EnvironmentPackage described;
};

Result<OpenPackage> open_package(Fd fd, std::string file_name);
Result<OpenPackage> open_package(const std::string& path);

struct LayerEntry {
    tar::TarEntry entry;
    std::string content;
};

using LayerEntries = std::map<std::string, LayerEntry>;

/// All packages of one environment, planned and built.
struct BuiltEnvironment {
    conda::EnvironmentPlan plan;
    std::vector<LayerInMemory> layers;  // one a package, in the plan's order

    [[nodiscard]] std::vector<std::shared_ptr<const TableOfContents>> tables() const;
    /// Everything in all layers, by path. A path but a directory is in one layer only.
    [[nodiscard]] LayerEntries entries() const;
};

Result<LayerInMemory> build_package_layer(
    const Fd& fd, const conda::PlannedPackage& planned, Compression compression = Compression::none
);
/// conda-meta as the last layer of an image has it.
Result<LayerInMemory> build_meta_layer(const BuiltEnvironment& environment);
/// Several layers as the parts of one.
Result<LayerInMemory> join_layers(const std::vector<LayerInMemory>& layers);
Result<BuiltEnvironment> build_environment(
    std::vector<OpenPackage> packages,
    const std::string& prefix,
    Compression compression = Compression::none
);

LayerEntries entries_of(const LayerInMemory& layer);

}  // namespace kiln::testing
