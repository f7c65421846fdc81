#pragma once

#include <string>
#include <string_view>

namespace kiln::conda {

/// `text`, whatever is in it, as one word of a POSIX shell.
std::string shell_word(std::string_view text);

}  // namespace kiln::conda
