#include "layers/conda/input/nearest_key.hpp"

#include "layers/conda/edit_distance.hpp"

#include <algorithm>
#include <cstddef>

namespace kiln::conda {

std::string_view nearest_key(std::string_view written, std::span<const std::string_view> keys) {
    std::string_view nearest;
    std::size_t least = 0;
    for (const std::string_view key : keys) {
        const std::size_t steps = edit_distance(written, key);
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
