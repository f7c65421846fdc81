#pragma once

#include "layers/conda/package_metadata.hpp"
#include "store/base/error.hpp"

#include <string>
#include <string_view>

namespace kiln::conda {

/// "cmd = module.sub:function.attribute"; extras of old packages ("[x]") are cut off.
/// Errors   invalid_input: a command that is no plain file name, or names that are no identifiers.
Result<EntryPoint> parse_entry_point(std::string_view text);

/// PREFIX/bin/CMD as conda and mamba write it, byte for byte. `python` is the absolute path of the
/// environment's interpreter ("/opt/env/bin/python3.11").
std::string render_entry_point(const EntryPoint& entry_point, std::string_view python);

}  // namespace kiln::conda
