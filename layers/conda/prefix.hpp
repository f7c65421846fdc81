#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string_view>

namespace kiln::conda {

/// Where the package was built (info/paths.json: prefix_placeholder) and where it goes: absolute,
/// no '/' at the end.
struct PrefixChange {
    std::string_view placeholder;
    std::string_view target;
};

/// Larger results are refused: a placeholder of one byte would make a bomb of a text.
inline constexpr std::size_t k_patched_text_bytes = 1024UL * 1024 * 1024;
/// Linux cuts a "#!" line here.
inline constexpr std::size_t k_shebang_bytes = 127;

/// Every occurrence, in UTF-8 and both byte orders of UTF-16 and UTF-32 as conda does. A first line
/// "#!/…" that would be too long, or broken by a space in the target, becomes one that starts the
/// same program another way (python through sh, which finds it by its path; others through env).
/// Errors   too_large.
Result<Bytes> replace_prefix_in_text(ByteSpan content, const PrefixChange& change);

/// Every C string that holds the placeholder, in the same encodings: all occurrences up to the next
/// NUL are replaced, what follows moves left, and NULs keep the length of the file. A string
/// without NUL before the end stays, as conda leaves it.
/// Errors   invalid_input: the target is longer than the placeholder (nothing is changed then).
Result<void> replace_prefix_in_binary(MutableByteSpan content, const PrefixChange& change);

}  // namespace kiln::conda
