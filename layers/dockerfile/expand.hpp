#pragma once

#include "layers/dockerfile/word.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// The value of a variable; std::nullopt when it is not set. Called in the order of the text.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct ExpandOptions {
    char escape = '\\';           // the file's `# escape=`
    bool keep_quotes = false;     // quotes stay in the result
    bool keep_escapes = false;    // escapes stay in the result
    bool literal_quotes = false;  // quotes mean nothing: bodies of heredocs
    bool keep_unset = false;      // `$x` of an unset x stays as written
};

struct Expanded {
    std::string text;                // the word, whitespace kept
    std::vector<std::string> words;  // the same split at unquoted whitespace, after expansion
    std::set<std::string> used;      // variables that were set
    std::set<std::string> unset;     // variables that were asked for and not set
};

/// Shell-like expansion: '..', "..", escapes, $v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?e} ${v?e}
/// ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}. A pattern knows `*`, `?` and escapes.
/// Errors   invalid_input, without a place; too_large when the result passes limits.hpp.
Result<Expanded> expand(std::string_view text, const Lookup& lookup, const ExpandOptions& options);

/// The same for one word of the file: errors carry its place.
Result<std::string> expand_word(const Word& word, const Lookup& lookup, char escape);
Result<std::string> expand_word(const FlagValue& flag, const Lookup& lookup, char escape);

/// One word of the file that may become several: EXPOSE $PORTS.
Result<std::vector<std::string>> expand_words(const Word& word, const Lookup& lookup, char escape);

/// The text of a heredoc that is a file: expanded unless its name was quoted; quotes are literal.
Result<std::string> expand_body(const Heredoc& heredoc, const Lookup& lookup);

}  // namespace kiln::dockerfile
