#include "layers/conda/edit_distance.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace kiln::conda {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    constexpr std::size_t k_compared_bytes = 64;
    if (a.size() > k_compared_bytes || b.size() > k_compared_bytes) {
        return a == b ? 0 : std::max(a.size(), b.size());
    }
    std::array<std::size_t, k_compared_bytes + 1> row{};
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

}  // namespace kiln::conda
