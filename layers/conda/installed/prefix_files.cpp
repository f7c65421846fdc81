#include "layers/conda/installed/prefix_files.hpp"

#include "layers/tar/tar_entry.hpp"
#include "layers/tree/whiteout.hpp"

#include <algorithm>

namespace kiln::conda {

PrefixFiles::PrefixFiles(const tree::FileTree& tree, std::string_view prefix)
    : tree_(tree),
      root_(prefix.substr(prefix.starts_with('/') ? 1 : 0)) {
    tree::TreeWalk walk(tree, root_);
    while (auto node = walk.next()) {
        const bool directory = node->row.entry.type == tar::EntryType::directory;
        if (directory && tree.find(tree::join(node->row.entry.path, "conda-meta"))) {
            walk.skip_children();
        }
        nodes_.push_back(std::move(*node));
    }
}

std::string PrefixFiles::in_image(std::string_view path) const {
    return tree::join(root_, path);
}

std::optional<std::size_t> PrefixFiles::index_of(std::string_view image_path) const {
    const auto found = std::lower_bound(
        nodes_.begin(),
        nodes_.end(),
        image_path,
        [](const tree::Node& node, std::string_view path) {
            return tar::path_less(node.row.entry.path, path);
        }
    );
    if (found == nodes_.end() || found->row.entry.path != image_path) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - nodes_.begin());
}

std::optional<tree::Node> PrefixFiles::find(std::string_view path) const {
    const std::string whole = in_image(path);
    if (const auto index = index_of(whole)) {
        return nodes_[*index];
    }
    const auto resolved = tree_.resolve(whole, tree::FileTree::Last::keep);
    return resolved ? tree_.find(*resolved) : std::nullopt;
}

}  // namespace kiln::conda
