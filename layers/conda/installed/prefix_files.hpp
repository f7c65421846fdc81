#pragma once

#include "layers/tree/file_tree.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Everything below a prefix of an image, walked once: records have tens of thousands of paths, and
/// looking each up in every layer takes seconds. Environments within the prefix (envs/NAME of a
/// base environment) are left out.
/// Thread   immutable; any. The tree outlives it.
class PrefixFiles {
  public:
    PrefixFiles(const tree::FileTree& tree, std::string_view prefix);

    /// In canonical order; paths are the image's.
    [[nodiscard]] const std::vector<tree::Node>& nodes() const { return nodes_; }

    /// What lies at a path relative to the prefix; directories on the way may be symlinks, of the
    /// environment or of the image. nullopt: nothing.
    [[nodiscard]] std::optional<tree::Node> find(std::string_view path) const;
    /// "opt/env/bin/tool": where a path relative to the prefix is in the image.
    [[nodiscard]] std::string in_image(std::string_view path) const;
    /// Of a path of the image that nodes() holds.
    [[nodiscard]] std::optional<std::size_t> index_of(std::string_view image_path) const;

  private:
    const tree::FileTree& tree_;
    std::string root_;  // without the leading '/'
    std::vector<tree::Node> nodes_;
};

}  // namespace kiln::conda
