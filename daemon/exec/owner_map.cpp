#include "daemon/exec/owner_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kiln::exec {
namespace {

/// Two ids change places, all others stay: the lender is the command's user, and nobody is left
/// out.
std::vector<IdRange> swapped(const IdRange& range, std::uint32_t one, std::uint32_t other) {
    const auto [low, high] = std::minmax(one, other);
    const auto piece = [&](std::uint32_t on_disk, std::uint32_t seen, std::uint32_t count) {
        return IdRange{.inside = on_disk, .outside = range.outside + seen, .count = count};
    };
    std::vector<IdRange> pieces;
    if (low == high || high >= range.count) {
        pieces = {piece(0, 0, range.count)};
        return pieces;
    }
    pieces = {
        piece(0, 0, low),
        piece(low, high, 1),
        piece(low + 1, low + 1, high - low - 1),
        piece(high, low, 1),
        piece(high + 1, high + 1, range.count - high - 1)};
    std::erase_if(pieces, [](const IdRange& each) { return each.count == 0; });
    return pieces;
}

}  // namespace

std::optional<std::uint32_t> host_id(const std::vector<IdRange>& sandbox, std::uint32_t id) {
    for (const IdRange& range : sandbox) {
        if (id >= range.inside && id - range.inside < range.count) {
            return range.outside + (id - range.inside);
        }
    }
    return std::nullopt;
}

Result<std::vector<IdRange>> map_owners(
    const std::vector<IdRange>& sandbox, std::uint32_t lender, std::uint32_t command, Lends lends
) {
    const auto seen = host_id(sandbox, command);
    if (!seen) {
        return fail(Code::invalid_input, "user {} does not exist in the sandbox", command);
    }
    const IdRange& first = sandbox.front();
    if (lends == Lends::all_files && lender < first.count && command < first.count) {
        return swapped(first, lender, command);
    }
    return std::vector{IdRange{.inside = lender, .outside = *seen, .count = 1}};
}

std::string render_map(const std::vector<IdRange>& ranges) {
    std::string text;
    for (const IdRange& range : ranges) {
        text += fmt::format("{} {} {}\n", range.inside, range.outside, range.count);
    }
    return text;
}

}  // namespace kiln::exec
