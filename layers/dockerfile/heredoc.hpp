#pragma once

#include "layers/dockerfile/lexer.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// The heredoc that a word starts: `<<NAME`, `<<-"NAME"`, `3<<NAME`; nullopt when it starts none.
/// Errors   invalid_input, without a place: a quote of the name is not closed.
Result<std::optional<Heredoc>> parse_heredoc_word(std::string_view word);

/// The heredocs that an instruction starts, in order and with their places, their bodies not read
/// yet. The escape is a backslash here whatever the file says: a shell reads these words too.
Result<std::vector<Heredoc>> find_heredocs(const LogicalLine& line);

}  // namespace kiln::dockerfile
