#include "layers/conda/input/nearest_key.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace kiln::conda {

namespace {

/// Longer texts are not compared: no key is half as long.
constexpr std::size_t k_compared_bytes = 64;

/// Levenshtein's distance, row by row.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row.back();
}

}  // namespace

std::string_view nearest_key(std::string_view written, std::span<const std::string_view> keys) {
    std::string_view nearest;
    std::size_t least = 0;
    for (const std::string_view key : keys) {
        if (written.size() > k_compared_bytes) {
            break;
        }
        const std::size_t steps = distance(written, key);
        // A third of the letters may be wrong: "chanels" and "prefis", but not "named" for "name:".
        if (steps <= std::max<std::size_t>(key.size() / 3, 1)
            && (nearest.empty() || steps < least)) {
            nearest = key;
            least = steps;
        }
    }
    return nearest;
}

}  // namespace kiln::conda
