#include "layers/dockerfile/nearest.hpp"

#include "layers/dockerfile/unicode.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace kiln::dockerfile {
namespace {

/// Longer words are no misspelling of ours.
constexpr std::size_t k_longest_name = 32;
constexpr std::size_t k_most_edits = 2;

/// Levenshtein: how many characters to insert, delete or replace.
std::size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string did_you_mean(
    std::string_view written, std::span<const std::string_view> names, std::string_view prefix
) {
    if (written.size() > k_longest_name) {
        return {};
    }
    const std::string wanted = lower(written);
    std::string_view best;
    std::size_t fewest = k_most_edits + 1;
    for (const std::string_view name : names) {
        const std::size_t edits = edits_between(wanted, lower(name));
        // Two edits of a word of three leave nothing of it.
        if (edits < fewest && edits * 2 <= name.size()) {
            fewest = edits;
            best = name;
        }
    }
    return best.empty() ? std::string() : fmt::format("did you mean {}{}?", prefix, best);
}

}  // namespace kiln::dockerfile
