#pragma once

#include "client/arguments.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::client {

struct CommandLine {
    GlobalOptions global;
    std::optional<Arguments> arguments;  // nullopt: only `text` is wanted
    std::string text = {};               // help, for stdout
};

/// The command that the words name, right or wrong; empty without one.
std::string command_of(const std::vector<std::string>& words);

/// Understands what was typed, without the program's name.
/// Errors   invalid_input for what makes no sense; unsupported, by name, for what a later kiln will
/// understand.
Result<CommandLine> parse_command_line(const std::vector<std::string>& typed);

}  // namespace kiln::client
