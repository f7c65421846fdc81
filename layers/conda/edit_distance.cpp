#include "layers/conda/edit_distance.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace kiln::conda {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    constexpr std::size_t k_compared_bytes = 64;
    if (a.size() > k_compared_bytes || b.size() > k_compared_bytes) {
        return a == b ? 0 : std::max(a.size(), b.size());
    }
    using Row = std::array<std::size_t, k_compared_bytes + 1>;
    Row before_last{};
    Row last{};
    Row row{};
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = last;
        last = row;
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, changed});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

}  // namespace kiln::conda
