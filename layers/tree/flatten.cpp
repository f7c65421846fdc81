#include "layers/tree/flatten.hpp"

#include "layers/tree/linked_files.hpp"

namespace kiln::tree {

Result<void> flatten(const FileTree& tree, std::string_view directory, const NodeSink& sink) {
    LinkedFiles linked(tree, directory);
    TreeWalk walk(tree, directory);
    while (auto node = walk.next()) {
        linked.link_again(*node);
        TRY(sink(*node));
    }
    return {};
}

}  // namespace kiln::tree
