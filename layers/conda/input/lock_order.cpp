#include "layers/conda/input/lock_order.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace kiln::conda {

std::vector<const LockEntry*> entries_by_name(const Lock& lock) {
    std::vector<const LockEntry*> entries;
    entries.reserve(lock.entries.size());
    for (const LockEntry& entry : lock.entries) {
        entries.push_back(&entry);
    }
    const auto key = [](const LockEntry* entry) {
        return std::tuple(name_of(*entry), std::string_view(entry->file_name), entry->as_written);
    };
    std::sort(entries.begin(), entries.end(), [&](const LockEntry* a, const LockEntry* b) {
        return key(a) < key(b);
    });
    return entries;
}

std::vector<const PipEntry*> pip_by_name(const Lock& lock) {
    std::vector<const PipEntry*> entries;
    entries.reserve(lock.pip.size());
    for (const PipEntry& entry : lock.pip) {
        entries.push_back(&entry);
    }
    std::sort(entries.begin(), entries.end(), [](const PipEntry* a, const PipEntry* b) {
        return std::tie(a->name, a->version, a->location)
               < std::tie(b->name, b->version, b->location);
    });
    return entries;
}

std::string name_of(const LockEntry& entry) {
    if (!entry.record.name.empty()) {
        return entry.record.name;
    }
    const auto dist = dist_of(entry.file_name);
    const auto parts = dist ? parse_dist(*dist) : std::nullopt;
    return std::string(parts ? parts->name : std::string_view(entry.file_name));
}

std::string subdir_of(const LockEntry& entry) {
    if (!entry.record.subdir.empty()) {
        return entry.record.subdir;
    }
    const std::string_view location = entry.location;
    const std::size_t file = location.rfind('/');
    if (file == std::string_view::npos || file == 0) {
        return "";
    }
    const std::string_view folder = location.substr(0, file);
    const std::string_view part = folder.substr(folder.rfind('/') + 1);
    // A system first: "conda-forge" has the form of a subdir too (cep-26).
    constexpr std::array<std::string_view, 6> k_systems{
        "linux-", "osx-", "win-", "emscripten-", "wasi-", "zos-"};
    const bool is_subdir =
        part == "noarch" || std::any_of(k_systems.begin(), k_systems.end(), [&](auto system) {
            return part.starts_with(system);
        });
    return is_subdir ? std::string(part) : "";
}

std::string public_location(const LockEntry& entry) {
    return entry.kind == LockEntryKind::url ? without_credentials(entry.as_written)
                                            : entry.as_written;
}

std::string public_location(const PipEntry& entry) {
    const std::string& location = entry.location;
    const std::size_t scheme = location.find("://");
    if (scheme == std::string::npos) {
        return location;
    }
    const std::size_t host = scheme + 3;
    const std::string_view user =
        std::string_view(location).substr(host, location.find_first_of("/@", host) - host);
    const bool is_user = location.find_first_of("/@", host) == location.find('@', host)
                         && user.find(':') == std::string_view::npos;
    if (std::string_view(location).substr(0, scheme).ends_with("ssh") && is_user) {
        return location;
    }
    return without_credentials(location);
}

}  // namespace kiln::conda
