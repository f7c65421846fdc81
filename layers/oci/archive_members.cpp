#include "layers/oci/archive_members.hpp"

#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace kiln::oci {
namespace {

using tar::EntryType;

/// An image archive holds a few members for each layer; a million is a root file system that has
/// none of the directories below, or hostile.
constexpr std::size_t k_members = 100'000;

/// Directories at the root of a file system that stand in no image archive.
constexpr std::array<std::string_view, 12> k_root_directories = {
    "bin", "boot", "dev", "etc", "lib", "proc", "root", "run", "sbin", "sys", "usr", "var"};

/// The name that a symbolic link at `path` means, with the archive as root. nullopt: it leaves it.
std::optional<std::string> follow(std::string_view path, std::string_view target) {
    std::vector<std::string_view> parts;
    const auto walk = [&](std::string_view text) {
        while (!text.empty()) {
            const std::size_t slash = std::min(text.find('/'), text.size());
            const std::string_view part = text.substr(0, slash);
            text.remove_prefix(std::min(slash + 1, text.size()));
            if (part == "..") {
                if (parts.empty()) {
                    return false;
                }
                parts.pop_back();
            } else if (!part.empty() && part != ".") {
                parts.push_back(part);
            }
        }
        return true;
    };
    const std::size_t slash = path.rfind('/');
    const std::string_view directory =
        slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
    if (target.starts_with('/') || !walk(directory) || !walk(target)) {
        return std::nullopt;
    }
    std::string joined;
    for (const std::string_view part : parts) {
        joined += (joined.empty() ? "" : "/") + std::string(part);
    }
    return joined;
}

}  // namespace

bool is_root_directory(std::string_view path) {
    const std::string_view first = path.substr(0, path.find('/'));
    return std::find(k_root_directories.begin(), k_root_directories.end(), first)
           != k_root_directories.end();
}

Result<std::optional<ArchiveMembers>> ArchiveMembers::scan(
    int tar_fd, const tar::TarReaderLimits& limits, std::stop_token stop
) {
    FdSource source(tar_fd);
    TRY_ASSIGN(auto reader, tar::TarReader::open(source, limits, stop));
    ArchiveMembers members(tar_fd);
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(auto entry, reader.next());
        if (!entry) {
            return std::optional(std::move(members));
        }
        if (is_root_directory(entry->path) || members.nodes_.size() == k_members) {
            return std::optional<ArchiveMembers>();
        }
        Node node;
        if (entry->type == EntryType::file && reader.content_offset()) {
            node.member = {*reader.content_offset(), entry->size_bytes};
        } else if (entry->type == EntryType::hardlink) {
            node.link = entry->link;
        } else if (entry->type == EntryType::symlink) {
            const auto target = follow(entry->path, entry->link);
            if (!target) {
                continue;  // told as absent when somebody asks for it
            }
            node.link = *target;
        } else {
            continue;
        }
        members.nodes_.insert_or_assign(entry->path, std::move(node));
    }
}

Result<ArchiveMembers::Member> ArchiveMembers::find(std::string_view path) const {
    TRY_ASSIGN(std::string name, tar::clean_path(path), "while looking into the archive");
    for (std::size_t hops = 0; hops <= limits::k_symlinks_followed; ++hops) {
        const auto node = nodes_.find(name);
        if (node == nodes_.end()) {
            return fail(Code::not_found, "{} is not in the archive", path.substr(0, 300));
        }
        if (!node->second.link) {
            return node->second.member;
        }
        name = *node->second.link;
    }
    return fail(Code::invalid_input, "{} is a loop of links", path);
}

bool ArchiveMembers::contains(std::string_view path) const {
    return nodes_.find(path) != nodes_.end();
}

bool ArchiveMembers::contains_name(std::string_view name) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
        const std::string_view path = node.first;
        return path == name || (path.ends_with(name) && path[path.size() - name.size() - 1] == '/');
    });
}

Result<Bytes> ArchiveMembers::read(std::string_view path, std::size_t limit_bytes) const {
    TRY_ASSIGN(const Member member, find(path));
    FdSource from = source(member);
    return read_all(from, limit_bytes, path);
}

}  // namespace kiln::oci
