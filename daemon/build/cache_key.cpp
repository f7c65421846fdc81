#include "daemon/build/cache_key.hpp"

#include "store/hasher.hpp"

#include <map>

namespace kiln::daemon {
namespace {

void add_framed(Hasher& hasher, std::string_view text) {
    const std::string length = fmt::format("{}:", text.size());
    hasher.update(as_bytes(length));
    hasher.update(as_bytes(text));
}

/// Names made unique by counting: the n-th "argument" is ("argument", n).
std::map<std::pair<std::string, std::size_t>, std::string> numbered(
    const std::vector<store::Ingredient>& ingredients
) {
    std::map<std::string, std::size_t> counts;
    std::map<std::pair<std::string, std::size_t>, std::string> result;
    for (const store::Ingredient& each : ingredients) {
        result.emplace(std::pair(each.name, counts[each.name]++), each.value);
    }
    return result;
}

}  // namespace

Digest CacheKey::digest() const {
    Hasher hasher;
    for (const store::Ingredient& each : ingredients_) {
        add_framed(hasher, each.name);
        add_framed(hasher, each.value);
    }
    return hasher.finish();
}

std::vector<Change> compare(
    const std::vector<store::Ingredient>& was, const std::vector<store::Ingredient>& is
) {
    auto before = numbered(was);
    std::map<std::string, std::size_t> counts;
    std::vector<Change> changes;
    for (const store::Ingredient& each : is) {
        const auto found = before.find(std::pair(each.name, counts[each.name]++));
        if (found == before.end()) {
            changes.push_back(Change{each.name, std::nullopt, each.value});
            continue;
        }
        if (found->second != each.value) {
            changes.push_back(Change{each.name, found->second, each.value});
        }
        before.erase(found);
    }
    for (auto& [name, value] : before) {
        changes.push_back(Change{name.first, std::move(value), std::nullopt});
    }
    return changes;
}

}  // namespace kiln::daemon
