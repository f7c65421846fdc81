#pragma once

#include "layers/conda/spec/spec_error.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// One `key=value` of the square brackets of a MatchSpec.
struct BracketPair {
    std::string key;
    std::vector<std::string> values;  // one, but for a list
    bool is_list = false;             // `[a, b]`: a flow sequence of YAML
    bool is_quoted = false;
    Columns key_columns;
    Columns value_columns;  // with the quotes
};

struct Brackets {
    std::vector<BracketPair> pairs;
    std::size_t end = 0;  // of the text, after the closing bracket
};

/// Reads the brackets that open at `begin`. Quotes are those of Python: `\\`, `\'` and `\"` stand
/// for themselves, before other characters a backslash is one.
/// Errors   invalid_input with the column: not closed, no key, no value, a key twice; too_large.
Result<Brackets> parse_brackets(std::string_view text, std::size_t begin);

/// As parse_brackets() takes it: bare where that is plain, else quoted.
std::string render_bracket_value(std::string_view value);

}  // namespace kiln::conda
