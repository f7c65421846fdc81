#include "daemon/exec/implied.hpp"

#include "layers/tree/whiteout.hpp"
#include "store/base/file.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <set>

namespace kiln::exec {
namespace {

struct CanonicalOrder {
    bool operator()(const std::string& a, const std::string& b) const {
        return tar::path_less(a, b);
    }
};

using Looks = std::map<std::string, tar::TarEntry, CanonicalOrder>;

/// The directory and its parents as the tables have them, where they do.
void add_looks(const tree::FileTree& lower, std::string directory, Looks& looks) {
    while (!directory.empty() && !looks.contains(directory)) {
        const auto node = lower.find(directory);
        if (!node || node->row.entry.type != tar::EntryType::directory) {
            return;  // replaced by something else further up
        }
        looks.emplace(directory, node->row.entry);
        directory = std::string(tree::parent_of(directory));
    }
}

Result<void> look_like(int directory, const tar::TarEntry& entry) {
    if (::fchown(directory, static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) {
        return fail_errno(entry.path);
    }
    for (const auto& [name, value] : entry.xattrs) {
        if (::fsetxattr(directory, name.c_str(), value.data(), value.size(), 0) != 0) {
            return fail_errno(entry.path);
        }
    }
    if (::fchmod(directory, entry.mode) != 0) {
        return fail_errno(entry.path);
    }
    const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
    const std::array<timespec, 2> times{time, time};
    if (::futimens(directory, times.data()) != 0) {
        return fail_errno(entry.path);
    }
    return {};
}

}  // namespace

std::vector<std::string> implied_directories(const TableOfContents& table) {
    std::set<std::string, CanonicalOrder> implied;
    std::string checked;
    for (std::size_t i = 0; i < table.size(); ++i) {
        std::string parent(tree::parent_of(table.path(i)));
        if (parent == checked) {
            continue;
        }
        checked = parent;
        while (!parent.empty() && !table.find(parent) && implied.insert(parent).second) {
            parent = std::string(tree::parent_of(parent));
        }
    }
    return {implied.begin(), implied.end()};
}

Result<std::vector<std::string>> make_upper_like(
    int upper, const tree::FileTree& lower, const std::vector<std::string>& implied
) {
    Looks looks;
    for (const std::string& directory : implied) {
        const auto node = lower.find(directory);
        // What nobody lists is 0755 root in every layer, and in the tables' view too.
        if (node && node->row_index != tree::Node::k_implied) {
            add_looks(lower, directory, looks);
        }
    }
    std::vector<std::string> made;
    for (const auto& [path, entry] : looks) {
        if (::mkdirat(upper, path.c_str(), 0700) != 0) {
            return fail_errno(path);
        }
        made.push_back(path);
    }
    // Children first: making them changed the times of their parents.
    for (auto look = looks.rbegin(); look != looks.rend(); ++look) {
        TRY_ASSIGN(
            const Fd directory,
            open_at(upper, look->first, O_RDONLY | O_DIRECTORY, Resolve::beneath)
        );
        TRY(look_like(directory.get(), look->second));
    }
    const auto root = lower.find("");
    tar::TarEntry entry;
    entry.mode = 0755;
    TRY(look_like(upper, root ? root->row.entry : entry));
    return made;
}

}  // namespace kiln::exec
