#pragma once

#include "layers/conda/installed/installed_environment.hpp"
#include "tests/support/conda_layers.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kiln::testing {

/// An image of layers in memory, with its contents at hand.
class InstalledImage {
  public:
    /// The packages of the environment and its conda-meta.
    explicit InstalledImage(const BuiltEnvironment& environment);
    InstalledImage() = default;

    /// One more layer on top.
    InstalledImage& add(LayerInMemory layer);
    /// One more layer that holds these files.
    InstalledImage& add_files(const std::vector<std::pair<std::string, std::string>>& files);

    [[nodiscard]] tree::FileTree tree() const;
    [[nodiscard]] conda::ReadContent read() const;

  private:
    std::vector<LayerInMemory> layers_;
};

}  // namespace kiln::testing
