#include "layers/conda/grouping.hpp"

#include "store/base/error.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string_view>

namespace kiln::conda {

namespace {

/// From here on a package is worth a layer of its own; the bound doubles until they all find room.
constexpr std::uint64_t k_big_bytes = 1024ULL * 1024;

/// What nearly every environment holds, whatever it is for: alone, these layers are the same in all
/// of them. (Their big companions, python and openssl first, are alone by size.)
constexpr std::array<std::string_view, 26> k_widely_shared = {
    "_libgcc_mutex", "_openmp_mutex",    "bzip2",    "ca-certificates", "certifi",
    "icu",           "ld_impl_linux-64", "libexpat", "libffi",          "libgcc",
    "libgcc-ng",     "libgomp",          "libnsl",   "libsqlite",       "libstdcxx",
    "libstdcxx-ng",  "libuuid",          "libzlib",  "ncurses",         "openssl",
    "readline",      "sqlite",           "tk",       "tzdata",          "xz",
    "zlib"};

std::vector<bool> alone_among(const std::vector<GroupingItem>& items, std::size_t room);
std::size_t bucket_of(std::string_view name, std::size_t buckets);

}  // namespace

std::vector<std::vector<std::size_t>> group_packages(
    const std::vector<GroupingItem>& items, std::size_t max_layers
) {
    ASSERT(max_layers >= 1);
    std::vector<std::vector<std::size_t>> groups;
    const std::size_t buckets = std::bit_floor(std::max<std::size_t>(1, max_layers / 2));
    const std::vector<bool> alone = alone_among(items, max_layers - buckets);
    std::vector<std::vector<std::size_t>> filled(buckets);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (alone[i]) {
            groups.push_back({i});
        } else {
            filled[bucket_of(items[i].name, buckets)].push_back(i);
        }
    }
    for (std::vector<std::size_t>& bucket : filled) {
        if (!bucket.empty()) {
            groups.push_back(std::move(bucket));
        }
    }
    std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
        return a.front() < b.front();
    });
    for (std::vector<std::size_t>& group : groups) {
        std::sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) {
            const auto size_a = std::bit_width(items[a].size_bytes);
            const auto size_b = std::bit_width(items[b].size_bytes);
            return size_a != size_b ? size_a > size_b : items[a].name < items[b].name;
        });
    }
    return groups;
}

namespace {

bool is_widely_shared(std::string_view name) {
    return std::binary_search(k_widely_shared.begin(), k_widely_shared.end(), name);
}

/// At most `room` of them. Widely shared ones only where half of the room is left for the big.
std::vector<bool> alone_among(const std::vector<GroupingItem>& items, std::size_t room) {
    const bool shared_fit = room >= 2 * k_widely_shared.size();
    std::vector<bool> alone(items.size(), false);
    for (std::uint64_t bound = k_big_bytes;; bound *= 2) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const bool shared = shared_fit && is_widely_shared(items[i].name);
            alone[i] = shared || items[i].size_bytes >= bound;
            count += alone[i] ? 1U : 0U;
        }
        if (count <= room) {
            return alone;
        }
        if (bound > std::numeric_limits<std::uint64_t>::max() / 2) {
            return std::vector<bool>(items.size(), false);  // nobody is that big
        }
    }
}

/// By a hash of the name alone, the same everywhere.
std::size_t bucket_of(std::string_view name, std::size_t buckets) {
    std::uint64_t value = 0;
    const Digest digest = digest_of(name);
    for (std::size_t i = 0; i < 8; ++i) {
        value = value << 8U | static_cast<std::uint64_t>(digest.raw()[i]);
    }
    return value % buckets;
}

}  // namespace

}  // namespace kiln::conda
