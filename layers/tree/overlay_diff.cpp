#include "layers/tree/overlay_diff.hpp"

#include "layers/tree/merged_level.hpp"
#include "layers/tree/whiteout.hpp"
#include "layers/tree/xattrs.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

namespace kiln::tree {
namespace {

constexpr std::size_t k_hash_bytes = 256 * limits::k_kib;

/// One name of an upper directory, as the layer will list it.
struct Item {
    std::string emitted;  // ".wh.NAME" for a whiteout
    std::string name;

    struct stat facts {};

    bool is_whiteout = false;
};

/// What lies below one upper directory: nothing where it is new.
struct Lower {
    std::optional<MergedLevel> level = std::nullopt;
    bool hidden = false;  // the directory is opaque: whiteouts must say so
};

std::string_view own_part(std::string_view xattr) {
    for (const std::string_view prefix : {"trusted.overlay.", "user.overlay."}) {
        if (xattr.starts_with(prefix)) {
            return xattr.substr(prefix.size());
        }
    }
    return {};
}

tar::TarEntry entry_of(std::string path, const struct stat& facts) {
    tar::TarEntry entry;
    entry.path = std::move(path);
    entry.type = tar::entry_type_of(facts.st_mode);
    entry.mode = facts.st_mode & 07777U;
    entry.uid = facts.st_uid;
    entry.gid = facts.st_gid;
    entry.mtime = facts.st_mtim.tv_sec;
    if (entry.type == tar::EntryType::file) {
        entry.size_bytes = static_cast<std::uint64_t>(facts.st_size);
    }
    if (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode)) {
        entry.device_major = major(facts.st_rdev);
        entry.device_minor = minor(facts.st_rdev);
    }
    return entry;
}

Result<std::string> read_link(int parent, const Item& item) {
    std::string text(static_cast<std::size_t>(item.facts.st_size) + 1, '\0');
    const ssize_t size = ::readlinkat(parent, item.name.c_str(), text.data(), text.size());
    if (size < 0) {
        return fail_errno(item.name);
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

Result<void> set_mtime(int parent, const char* name, UnixSeconds mtime, std::string_view path) {
    const std::array<timespec, 2> times{
        timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, timespec{.tv_sec = mtime, .tv_nsec = 0}};
    if (::utimensat(parent, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
        return fail_errno(path);
    }
    return {};
}

class UpperDiff {
  public:
    UpperDiff(
        const FileTree& lower,
        const OverlayDiffOptions& options,
        const ChangedEntrySink& sink,
        std::stop_token stop
    )
        : tables_(lower.layers()),
          options_(options),
          sink_(sink),
          stop_(std::move(stop)) {
        for (const std::string& path : options.ignored) {
            ignored_.insert(path);
            for (auto at = parent_of(path); !at.empty(); at = parent_of(at)) {
                ignored_parents_.emplace(at);
            }
        }
    }

    Result<OverlayDiffReport> run(int upper) {
        TRY_ASSIGN(const struct stat facts, stat_fd(upper));
        Child root = root_of(tables_, tables_.size());
        TRY(directory(upper, ".", {.emitted = "", .name = ".", .facts = facts}, "", &root, false));
        return std::move(report_);
    }

  private:
    struct Pending {
        tar::TarEntry entry;
        bool given = false;
    };

    Result<void> directory(
        int parent,
        const char* name,
        const Item& item,
        const std::string& path,
        Child* below,
        bool hidden
    );
    [[nodiscard]] bool is_changed(const tar::TarEntry& now, const tar::TarEntry& was, bool touched)
        const;
    Result<void> children(int fd, const std::string& path, const Lower& lower);
    Result<std::vector<Item>> items(int fd, const std::string& path, const Lower& lower);
    Result<void> child(int parent, const Item& item, const std::string& path, const Lower& lower);
    Result<void> file(int parent, const Item& item, const std::string& path, Child* below);
    Result<bool> is_unchanged(const tar::TarEntry& entry, const Fd& content, const Child& below);
    Result<void> keep_xattrs(tar::TarEntry& entry, std::map<std::string, std::string> xattrs);
    Result<void> drop_socket(int parent, const std::string& name, std::string path, bool below);
    /// The mtime that a layer lists, brought to the disk.
    Result<UnixSeconds> settle_mtime(
        int parent, const char* name, const struct stat& facts, std::string_view path
    );

    [[nodiscard]] bool is_of_this_step(const struct stat& facts) const {
        return options_.step_start && facts.st_mtim.tv_sec >= *options_.step_start;
    }

    /// Gives the directories above first.
    Result<void> give(ChangedEntry change);

    Tables tables_;
    const OverlayDiffOptions& options_;
    const ChangedEntrySink& sink_;
    std::stop_token stop_;
    std::set<std::string, std::less<>> ignored_;
    std::set<std::string, std::less<>> ignored_parents_;
    std::vector<Pending> above_;  // the directories around the current name, outermost first
    std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
    OverlayDiffReport report_;
};

Result<void> UpperDiff::give(ChangedEntry change) {
    TRY(check(stop_));
    for (Pending& directory : above_) {
        if (!std::exchange(directory.given, true)) {
            ++report_.entries;
            TRY(sink_({.entry = directory.entry, .content = {}}));
        }
    }
    ++report_.entries;
    return sink_(std::move(change));
}

Result<void> UpperDiff::directory(
    int parent,
    const char* name,
    const Item& item,
    const std::string& path,
    Child* below,
    bool hidden
) {
    if (above_.size() > limits::k_path_depth || path.size() > limits::k_path_bytes) {
        return fail(
            Code::too_large,
            "{}… is more than {} directories or {} bytes deep",
            path.substr(0, limits::k_name_bytes),
            limits::k_path_depth,
            limits::k_path_bytes
        );
    }
    const Fd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open()) {
        return fail_errno(path);
    }
    TRY_ASSIGN(auto xattrs, read_xattrs(fd.get()), "while reading {}", path);
    for (const auto& [xattr, value] : xattrs) {
        hidden = hidden || (own_part(xattr) == "opaque" && value == "y");
    }
    tar::TarEntry entry = entry_of(path, item.facts);
    TRY(keep_xattrs(entry, std::move(xattrs)));
    const bool below_is_directory = below != nullptr && below->is_directory;
    const auto old = below_is_directory ? node_of(tables_, *below, path) : std::nullopt;
    const bool touched = is_of_this_step(item.facts);
    const bool changed = old ? is_changed(entry, old->row.entry, touched)
                             : below != nullptr || !ignored_parents_.contains(path);
    entry.mtime = touched ? options_.epoch : entry.mtime;
    above_.push_back({.entry = std::move(entry)});
    if (changed) {
        above_.back().given = true;
        ChangedEntry change{.entry = above_.back().entry, .content = {}};
        TRY(give(std::move(change)));
    }
    above_.back().given = changed || path.empty();  // a layer need not list the root
    Lower lower{.hidden = hidden};
    if (below_is_directory) {
        lower.level = std::move(below->level);
    }
    TRY(children(fd.get(), path, lower));
    const Pending done = std::move(above_.back());
    above_.pop_back();
    const bool listed = path.empty() ? changed : done.given;
    const UnixSeconds mtime = old && !listed ? old->row.entry.mtime : done.entry.mtime;
    if (mtime != item.facts.st_mtim.tv_sec || item.facts.st_mtim.tv_nsec != 0) {
        TRY(set_mtime(parent, name, mtime, path));
    }
    return {};
}

/// That a directory held something for a while shows in its mtime only, and is no change.
bool UpperDiff::is_changed(const tar::TarEntry& now, const tar::TarEntry& was, bool touched) const {
    const bool mtime_was_set =
        options_.step_start ? !touched : !ignored_parents_.contains(now.path);
    return now.mode != was.mode || now.uid != was.uid || now.gid != was.gid
           || now.xattrs != was.xattrs
           || (mtime_was_set && !now.path.empty() && now.mtime != was.mtime);
}

Result<void> UpperDiff::children(int fd, const std::string& path, const Lower& lower) {
    TRY_ASSIGN(const auto all, items(fd, path, lower), "while reading {}", path);
    for (const Item& item : all) {
        const std::string child_path = join(path, item.name);
        if (item.is_whiteout) {
            TRY(give({.entry = whiteout_of(child_path), .content = {}}));
        } else {
            TRY(child(fd, item, child_path, lower));
        }
    }
    return {};
}

/// The names of one directory in the order of the layer, where a whiteout stands at ".wh.NAME".
Result<std::vector<Item>> UpperDiff::items(int fd, const std::string& path, const Lower& lower) {
    TRY_ASSIGN(const auto names, list_directory(fd));
    std::vector<Item> all;
    std::set<std::string, std::less<>> present;
    for (const std::string& name : names) {
        const std::string child_path = join(path, name);
        if (ignored_.contains(child_path)) {
            present.insert(name);
            continue;
        }
        TRY_ASSIGN(const auto facts, stat_at(fd, name));
        if (!facts) {
            return fail(Code::conflict, "{} went away while it was read", child_path);
        }
        const bool is_socket = S_ISSOCK(facts->st_mode);
        if (is_socket || (S_ISCHR(facts->st_mode) && facts->st_rdev == makedev(0, 0))) {
            const bool below =
                !lower.hidden && lower.level && child_of(tables_, *lower.level, name);
            if (is_socket) {
                TRY(drop_socket(fd, name, child_path, below));
            }
            if (below) {
                all.push_back({whiteout_of(name).path, name, *facts, true});
            }
            continue;
        }
        if (kind_of(name) != NameKind::plain) {
            return fail(
                Code::unsupported,
                "{} cannot be kept in a layer: its name is that of a whiteout",
                child_path
            );
        }
        present.insert(name);
        all.push_back({name, name, *facts, false});
    }
    if (lower.hidden && lower.level) {
        LevelCursor cursor(tables_, *lower.level);
        while (const auto below = cursor.next()) {
            const std::string name(below->first);
            if (!present.contains(name) && !ignored_.contains(join(path, name))) {
                all.push_back({whiteout_of(name).path, name, {}, true});
            }
        }
    }
    std::sort(all.begin(), all.end(), [](const Item& a, const Item& b) {
        return a.emitted < b.emitted;
    });
    return all;
}

/// A layer cannot hold it, and nothing listens any more: later steps must not see it either.
Result<void> UpperDiff::drop_socket(
    int parent, const std::string& name, std::string path, bool below
) {
    if (::unlinkat(parent, name.c_str(), 0) != 0
        || (below && ::mknodat(parent, name.c_str(), S_IFCHR, makedev(0, 0)) != 0)) {
        return fail_errno(path);
    }
    report_.sockets.push_back(std::move(path));
    return {};
}

Result<void> UpperDiff::child(
    int parent, const Item& item, const std::string& path, const Lower& lower
) {
    std::optional<Child> below;
    if (lower.level) {
        below = child_of(tables_, *lower.level, item.name);
    }
    Child* found = below ? &*below : nullptr;
    if (S_ISDIR(item.facts.st_mode)) {
        return directory(parent, item.name.c_str(), item, path, found, lower.hidden);
    }
    return file(parent, item, path, found);
}

Result<void> UpperDiff::file(int parent, const Item& item, const std::string& path, Child* below) {
    tar::TarEntry entry = entry_of(path, item.facts);
    Fd content;
    if (entry.type == tar::EntryType::file) {
        content = Fd(::openat(parent, item.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        if (!content.is_open()) {
            return fail_errno(path);
        }
        TRY_ASSIGN(auto xattrs, read_xattrs(content.get()), "while reading {}", path);
        TRY(keep_xattrs(entry, std::move(xattrs)));
    }
    if (entry.type == tar::EntryType::symlink) {
        entry.mode = 0777;
        TRY_ASSIGN(entry.link, read_link(parent, item));
    }
    TRY_ASSIGN(entry.mtime, settle_mtime(parent, item.name.c_str(), item.facts, path));
    if (item.facts.st_nlink > 1) {
        const auto [first, is_first] =
            first_names_.try_emplace({item.facts.st_dev, item.facts.st_ino}, path);
        if (!is_first) {
            entry.type = tar::EntryType::hardlink;
            entry.link = first->second;
            entry.size_bytes = 0;
            entry.device_major = 0;
            entry.device_minor = 0;
            entry.xattrs.clear();
            content = Fd{};
        }
    } else if (below != nullptr) {
        TRY_ASSIGN(const bool unchanged, is_unchanged(entry, content, *below));
        if (unchanged) {
            return {};
        }
    }
    return give({.entry = std::move(entry), .content = std::move(content)});
}

/// A file is copied up by opening it for writing, whether or not something is written.
Result<bool> UpperDiff::is_unchanged(
    const tar::TarEntry& entry, const Fd& content, const Child& below
) {
    const auto old = node_of(tables_, below, entry.path);
    if (!old || old->row.entry != entry) {
        return false;
    }
    if (!content.is_open()) {
        return true;
    }
    Hasher hasher;
    Bytes buffer(k_hash_bytes);
    std::uint64_t offset = 0;
    while (true) {
        TRY(check(stop_));
        TRY_ASSIGN(const std::size_t count, pread_some(content.get(), buffer, offset));
        if (count == 0) {
            return hasher.finish() == old->row.content;
        }
        hasher.update(ByteSpan(buffer).first(count));
        offset += count;
    }
}

Result<void> UpperDiff::keep_xattrs(
    tar::TarEntry& entry, std::map<std::string, std::string> xattrs
) {
    for (auto& [name, value] : xattrs) {
        const std::string_view own = own_part(name);
        if (own == "redirect" || own == "metacopy") {
            return fail(
                Code::unsupported,
                "{} has {}: mount the overlay with redirect_dir=off,metacopy=off",
                entry.path,
                name
            );
        }
        if (name == "security.capability") {
            value = untie_capability(std::move(value), options_.namespace_root_uid);
        }
        if (is_kept_xattr(name)) {
            entry.xattrs.emplace(name, std::move(value));
        }
    }
    return {};
}

Result<UnixSeconds> UpperDiff::settle_mtime(
    int parent, const char* name, const struct stat& facts, std::string_view path
) {
    const UnixSeconds mtime = is_of_this_step(facts) ? options_.epoch : facts.st_mtim.tv_sec;
    if (mtime != facts.st_mtim.tv_sec || facts.st_mtim.tv_nsec != 0) {
        TRY(set_mtime(parent, name, mtime, path));
    }
    return mtime;
}

}  // namespace

Result<OverlayDiffReport> diff_upper(
    int upper,
    const FileTree& lower,
    const OverlayDiffOptions& options,
    const ChangedEntrySink& sink,
    std::stop_token stop
) {
    return UpperDiff(lower, options, sink, std::move(stop)).run(upper);
}

}  // namespace kiln::tree
