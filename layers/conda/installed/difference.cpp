#include "layers/conda/installed/difference.hpp"

#include "layers/conda/spec/version.hpp"

#include <map>
#include <set>

namespace kiln::conda {

namespace {

bool same_content(const InstalledPackage& a, const InstalledPackage& b) {
    if (!a.sha256.empty() && !b.sha256.empty()) {
        return a.sha256 == b.sha256;
    }
    if (!a.md5.empty() && !b.md5.empty()) {
        return a.md5 == b.md5;
    }
    return a.url == b.url;
}

PackageChangeKind change_of_version(const std::string& before, const std::string& after) {
    const auto was = Version::parse(before);
    const auto is = Version::parse(after);
    if (!was || !is || *was == *is) {
        return PackageChangeKind::version;
    }
    return *was < *is ? PackageChangeKind::upgraded : PackageChangeKind::downgraded;
}

std::optional<PackageChangeKind> change_of(const InstalledPackage& a, const InstalledPackage& b) {
    if (a.version != b.version) {
        return change_of_version(a.version, b.version);
    }
    if (a.build != b.build) {
        return PackageChangeKind::build;
    }
    return same_content(a, b) ? std::nullopt : std::optional(PackageChangeKind::content);
}

/// pip's torch and conda's are two packages.
using Key = std::pair<std::string_view, PackageManager>;
using ByName = std::map<Key, const InstalledPackage*>;

ByName by_name(const InstalledEnvironment& environment) {
    ByName packages;
    for (const InstalledPackage& package : environment.packages) {
        packages.try_emplace(Key(package.name, package.manager), &package);
    }
    return packages;
}

}  // namespace

EnvironmentDifference compare(
    const InstalledEnvironment& before, const InstalledEnvironment& after
) {
    EnvironmentDifference difference{
        .prefix_before = before.prefix, .prefix_after = after.prefix, .changes = {}};
    const ByName was = by_name(before);
    const ByName is = by_name(after);
    std::set<Key> keys;
    for (const ByName* packages : {&was, &is}) {
        for (const auto& [key, package] : *packages) {
            keys.insert(key);
        }
    }
    for (const Key& key : keys) {
        const auto old = was.find(key);
        const auto now = is.find(key);
        if (old == was.end()) {
            difference.changes.push_back({PackageChangeKind::added, nullptr, now->second});
        } else if (now == is.end()) {
            difference.changes.push_back({PackageChangeKind::removed, old->second, nullptr});
        } else if (const auto kind = change_of(*old->second, *now->second)) {
            difference.changes.push_back({*kind, old->second, now->second});
        } else {
            ++difference.unchanged;
        }
    }
    return difference;
}

std::vector<EnvironmentDifference> compare(
    const std::vector<InstalledEnvironment>& before, const std::vector<InstalledEnvironment>& after
) {
    std::vector<EnvironmentDifference> differences;
    if (before.size() == 1 && after.size() == 1) {
        differences.push_back(compare(before.front(), after.front()));
        return differences;
    }
    std::map<std::string_view, std::pair<const InstalledEnvironment*, const InstalledEnvironment*>>
        pairs;
    for (const InstalledEnvironment& each : before) {
        pairs[each.prefix].first = &each;
    }
    for (const InstalledEnvironment& each : after) {
        pairs[each.prefix].second = &each;
    }
    const InstalledEnvironment none;
    for (const auto& [prefix, pair] : pairs) {
        differences.push_back(compare(
            pair.first != nullptr ? *pair.first : none, pair.second != nullptr ? *pair.second : none
        ));
    }
    return differences;
}

}  // namespace kiln::conda
