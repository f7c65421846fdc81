#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The ways in which an instruction's arguments are split into words.
namespace kiln::dockerfile {

/// A word and where it stood: text is source[begin, end) where nothing had to be taken off.
struct Slice {
    std::string text;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// At ASCII blanks, whatever quotes say; at most `limit` words.
std::vector<Slice> split_at_blanks(
    std::string_view source, std::size_t limit = std::string_view::npos
);

/// At blanks outside quotes; quotes and escapes stay in the words.
std::vector<Slice> split_quoted(std::string_view source, char escape);

struct FlagWords {
    std::vector<Slice> flags;  // "--name=value", quotes and escapes gone
    std::size_t end = 0;       // where the arguments begin
};

/// The leading words that begin with "--"; a lone "--" ends them. The escape is always a backslash.
FlagWords split_flags(std::string_view source);

struct JsonWords {
    enum class Kind : std::uint8_t { not_json, texts, other_values };
    Kind kind = Kind::not_json;
    std::vector<Slice> words;  // decoded
    Slice culprit;             // other_values: the array
};

/// The whole source as a JSON array of texts, if it is one.
JsonWords split_json(std::string_view source);

}  // namespace kiln::dockerfile
