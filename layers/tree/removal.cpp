#include "layers/tree/removal.hpp"

#include "layers/tree/whiteout.hpp"

#include <string>

namespace kiln::tree {
namespace {

bool removes(const TableOfContents& layer, std::string_view path) {
    for (std::string_view at = path; !at.empty(); at = parent_of(at)) {
        const std::string_view directory = parent_of(at);
        if (layer.find(join(directory, std::string(k_whiteout_prefix) + std::string(name_of(at))))
            || layer.find(join(directory, k_opaque_name))) {
            return true;
        }
        const auto above = directory.empty() ? std::nullopt : layer.find(directory);
        if (above && layer.row(*above).entry.type != tar::EntryType::directory) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<std::size_t> removing_layer(const FileTree& tree, std::string_view path) {
    const auto& layers = tree.layers();
    for (std::size_t i = layers.size(); i > 0; --i) {
        if (removes(*layers[i - 1], path)) {
            return i - 1;
        }
    }
    return std::nullopt;
}

}  // namespace kiln::tree
