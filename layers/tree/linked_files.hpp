#pragma once

#include "layers/tree/file_tree.hpp"

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace kiln::tree {

/// The files below a directory of a tree that have more than one name there.
class LinkedFiles {
  public:
    LinkedFiles(const FileTree& tree, std::string_view directory);

    /// All names of the file that `node` is a name of, in canonical order; empty when it has but
    /// one.
    [[nodiscard]] const std::vector<std::string>& names(const Node& node) const;

    /// Makes a node the entry of a layer: the first name that comes here is the file, and a later
    /// one becomes a hard link to it.
    void link_again(Node& node);

  private:
    struct File {
        std::vector<std::string> names;
        std::string first;  // that came to link_again()
    };

    std::map<std::tuple<std::size_t, std::size_t>, File> files_;
};

}  // namespace kiln::tree
