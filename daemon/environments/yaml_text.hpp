#pragma once

#include "layers/conda/input/yaml.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::daemon {

/// One text as YAML: plain where nothing could take it for something else, else in double quotes.
std::string yaml_scalar(std::string_view text);

/// The node in block style, each line indented and ended: what stands below "key:".
/// Shape    of a mapping or list; empty ones and scalars come as they would stand behind "key: ".
std::string yaml_block(conda::yaml::Node node, std::size_t indent);

/// The node in one line: "{a: [b, c]}".
std::string yaml_flow(conda::yaml::Node node);

/// Whether two nodes hold the same, whatever they are written like.
bool same_yaml(conda::yaml::Node left, conda::yaml::Node right);

}  // namespace kiln::daemon
