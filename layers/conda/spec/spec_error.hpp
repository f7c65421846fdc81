#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::conda {

/// Where in a text of one line something is: from `begin` up to `end`, counted from 0.
struct Columns {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// The failure at that place; its Span has line 1 and no file, both for the caller to set who read
/// the text out of something bigger.
tl::unexpected<Error> refuse(Code code, std::string message, Columns where, std::string hint = {});

/// The error of a part, its columns counted from the start of the whole.
Error shifted(Error error, std::size_t columns);

/// The text in single quotes, cut where it is long and with control characters as `?`.
std::string quoted(std::string_view text);

}  // namespace kiln::conda
