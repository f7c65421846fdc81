#pragma once

#include "layers/tree/file_tree.hpp"
#include "tests/support/arbitrary.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Small layers written down by hand.
namespace kiln::testing {

SampleFile directory(std::string path, std::uint32_t mode = 0755);
SampleFile file(std::string path, std::string content = "");
SampleFile symlink(std::string path, std::string text);
SampleFile hardlink(std::string path, std::string target);
/// ".wh.NAME" of `path`.
SampleFile whiteout(std::string_view path);
/// ".wh..wh..opq" in `directory`.
SampleFile opaque(std::string directory);

SampleLayer layer(std::initializer_list<SampleFile> files);
tree::FileTree tree_of(const std::vector<SampleLayer>& layers);

/// "path type link content" of everything, a line a node: what two trees are compared by. Names of
/// one file share a number.
std::vector<std::string> listing(const tree::FileTree& tree);

}  // namespace kiln::testing
