#pragma once

#include "layers/conda/input/specification.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_selector_depth = 32;

/// Which names a selector may use (cep-24).
enum class SelectorNames : unsigned char {
    comment,     // "# [linux64 and not arm64]": conda-build's names of systems and architectures
    dictionary,  // "sel(linux): x": unix, linux, osx and win
};

/// What a selector is on one platform ("linux-64"): names joined by and, or, not and parentheses.
/// Shape    nullopt: not an expression over known names, so no selector (a comment like "[1]").
/// Errors   unsupported: names that select something else, such as py and np.
Result<std::optional<bool>> evaluate_selector(
    std::string_view expression, std::string_view platform, SelectorNames names
);

struct Selected {
    std::string text;
    std::vector<Notice> notices;  // comments that are probably meant to be selectors
};

/// The text without the lines whose selector is false; they stay as empty lines, so that places in
/// the rest remain true. Lines whose selector holds keep it: it is a comment.
/// Errors   unsupported with the place.
Result<Selected> apply_selectors(
    std::string_view text, const std::string& file, std::string_view platform
);

}  // namespace kiln::conda
