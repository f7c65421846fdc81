#pragma once

#include "layers/dockerfile/ast.hpp"

#include <string>
#include <string_view>

namespace kiln::dockerfile {

/// Reads a Dockerfile. Nothing is expanded and no file is opened.
/// Shape    `file` is the name that spans carry: "Dockerfile", as the user typed it.
/// Errors   invalid_input with the place (the word or flag where there is one) and, for a misspelt
///          instruction or flag, the nearest name as hint; too_large beyond a limit of limits.hpp.
/// Thread   any; pure.
Result<Dockerfile> parse(std::string_view text, std::string file);

/// Reads one ONBUILD trigger out of an image config.
/// Shape    `origin` names it in spans: "ONBUILD of debian:12".
Result<Instruction> parse_trigger(std::string_view text, std::string origin);

}  // namespace kiln::dockerfile
