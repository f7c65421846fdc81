#include "layers/tree/unpack_directory.hpp"

#include "layers/tree/whiteout.hpp"
#include "layers/tree/xattrs.hpp"
#include "store/base/limits.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>

namespace kiln::tree {
namespace {

constexpr mode_t k_mode_bits = 07777;
constexpr mode_t k_permission_bits = 0777;
constexpr mode_t k_owner_bits = 0700;
constexpr int k_open_directory = O_PATH | O_DIRECTORY | O_NOFOLLOW;

/// The process's umask, read without changing it for other threads. All bits when it cannot be
/// known, or when a default ACL overrides it: then every mode is set.
mode_t umask_below(int root) {
    if (::fgetxattr(root, "system.posix_acl_default", nullptr, 0) >= 0) {
        return k_permission_bits;
    }
    const auto status = read_file_at(AT_FDCWD, "/proc/self/status", 64 * limits::k_kib);
    constexpr std::string_view k_label = "\nUmask:\t";
    const std::size_t at = status ? status->find(k_label) : std::string::npos;
    if (at == std::string::npos) {
        return k_permission_bits;
    }
    const char* begin = status->data() + at + k_label.size();
    unsigned mask = k_permission_bits;
    static_cast<void>(std::from_chars(begin, status->data() + status->size(), mask, 8));
    return mask & k_permission_bits;
}

bool is_whiteout_device(const struct stat& facts) {
    return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(0, 0);
}

/// Attributes that a directory had before and the entry does not list.
Result<void> remove_other_xattrs(int fd, const tar::TarEntry& entry) {
    TRY_ASSIGN(const auto xattrs, read_xattrs(fd), "while reading those of {}", entry.path);
    for (const auto& [name, value] : xattrs) {
        if (is_kept_xattr(name) && !entry.xattrs.contains(name)
            && ::fremovexattr(fd, name.c_str()) != 0) {
            return fail_errno(entry.path);
        }
    }
    return {};
}

std::array<timespec, 2> both(timespec time) {
    return {time, time};
}

timespec seconds(UnixSeconds value) {
    return {.tv_sec = value, .tv_nsec = 0};
}

}  // namespace

UnpackDirectory::UnpackDirectory(int root, const ApplyOptions& options, ApplyReport& report)
    : root_(root),
      options_(options),
      report_(report),
      user_(::geteuid()),
      group_(::getegid()),
      umask_(umask_below(root)) {}

Result<int> UnpackDirectory::enter(std::string_view path) {
    if (parent_.is_open() && path == parent_path_) {
        return parent_.get();
    }
    if (auto directory = look(path)) {
        keep(std::move(*directory), path);
    } else {
        TRY_ASSIGN(Fd made, make_parents(path));
        keep(std::move(made), path);
    }
    return parent_.get();
}

std::optional<Fd> UnpackDirectory::look(std::string_view path) const {
    const std::string name = path.empty() ? "." : std::string(path);
    auto directory = open_at(root_, name, k_open_directory, Resolve::no_links);
    return directory ? std::optional(std::move(*directory)) : std::nullopt;
}

void UnpackDirectory::keep(Fd directory, std::string_view path) {
    struct stat facts {};

    static_cast<void>(::fstat(directory.get(), &facts));
    parent_setgid_ = (facts.st_mode & S_ISGID) != 0;
    // Writing into a directory that was there must not show in its times.
    late_.try_emplace(std::string(path), Late{.mtime = facts.st_mtim});
    parent_ = std::move(directory);
    parent_path_ = path;
}

Result<Fd> UnpackDirectory::make_parents(std::string_view path) {
    auto at = look("");
    std::size_t end = 0;
    while (at && end < path.size()) {
        const std::size_t begin = end == 0 ? 0 : end + 1;
        end = std::min(path.find('/', begin), path.size());
        const std::string_view child_path = path.substr(0, end);
        auto child = look(child_path);
        if (!child) {
            keep(std::move(*at), parent_of(child_path));
            const std::string name(name_of(child_path));
            TRY(make_directory(parent_.get(), name, std::nullopt, child_path));
            child = look(child_path);
        }
        at = std::move(child);
    }
    if (!at) {
        return fail(Code::internal, "{} cannot be made: its directory is gone", path);
    }
    return std::move(*at);
}

Result<void> UnpackDirectory::directory(const tar::TarEntry& entry) {
    if (entry.path.empty()) {
        return dress_directory(root_, ".", entry, false);
    }
    TRY_ASSIGN(const int parent, enter(parent_of(entry.path)));
    return make_directory(parent, std::string(name_of(entry.path)), entry, entry.path);
}

/// Without an entry it is an implied one: as it is below, else 0755 root.
Result<void> UnpackDirectory::make_directory(
    int parent,
    const std::string& name,
    const std::optional<tar::TarEntry>& entry,
    std::string_view path
) {
    bool fresh = true;
    bool opaque = false;
    while (::mkdirat(parent, name.c_str(), k_owner_bits) != 0) {
        if (errno != EEXIST) {
            return fail_errno(path);
        }
        TRY_ASSIGN(const auto facts, stat_at(parent, name));
        if (facts && S_ISDIR(facts->st_mode)) {
            fresh = false;
            break;
        }
        opaque = facts && options_.whiteouts == Whiteouts::overlay && is_whiteout_device(*facts);
        TRY(clear(parent, name, path));
    }
    TRY(dress_directory(parent, name, entry ? *entry : implied(path, opaque), fresh));
    late_.find(path)->second.listed = entry.has_value();
    return opaque ? make_opaque(path) : Result<void>{};
}

bool UnpackDirectory::is_hidden_by_parent(std::string_view path) const {
    while (!path.empty()) {
        path = parent_of(path);
        if (opaque_.contains(path)) {
            return true;
        }
    }
    return false;
}

tar::TarEntry UnpackDirectory::implied(std::string_view path, bool hidden) const {
    tar::TarEntry entry;
    entry.type = tar::EntryType::directory;
    entry.mode = 0755;
    if (options_.below != nullptr && !hidden && !is_hidden_by_parent(path)) {
        auto below = options_.below->find(path);
        if (below && below->type == tar::EntryType::directory) {
            entry = std::move(*below);
        }
    }
    entry.path = path;
    return entry;
}

Result<void> UnpackDirectory::forget_lower(const std::string& path) {
    const auto known = late_.find(path);
    if (known == late_.end() || known->second.listed) {
        return {};
    }
    const auto parent = look(parent_of(path));
    const std::string name(name_of(path));
    const auto facts =
        parent ? stat_at(parent->get(), name) : Result<std::optional<struct stat>>(std::nullopt);
    TRY(facts);
    if (*facts && S_ISDIR((*facts)->st_mode)) {
        return dress_directory(parent->get(), name, implied(path, true), false);
    }
    return {};
}

Result<void> UnpackDirectory::forget_lower_below(const std::string& path) {
    const std::string prefix = path.empty() ? path : path + "/";
    for (auto known = late_.upper_bound(prefix);
         known != late_.end() && known->first.starts_with(prefix);
         ++known) {
        TRY(forget_lower(known->first));
    }
    return {};
}

Result<void> UnpackDirectory::dress_directory(
    int parent, const std::string& name, const tar::TarEntry& entry, bool fresh
) {
    if (!fresh || owner_differs(entry)) {
        TRY(set_owner(parent, name, entry));
    }
    if (!fresh || !entry.xattrs.empty()) {
        const Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        );
        if (fd.is_open()) {
            TRY(remove_other_xattrs(fd.get(), entry));
            TRY(set_xattrs(fd.get(), entry));
        } else if (!entry.xattrs.empty()) {
            skip(entry.path, "its extended attributes: the directory cannot be opened");
        }
    }
    Late late{.mtime = seconds(entry.mtime)};
    mode_t mode = entry.mode & k_mode_bits;
    if (user_ != 0 && (mode & k_owner_bits) != k_owner_bits) {
        late.mode = mode;
        mode |= k_owner_bits;
    }
    // fchmodat follows symlinks, but what lies here is the directory that was made or seen above.
    if ((!fresh || mode != k_owner_bits || mode_differs(mode) || parent_setgid_)
        && ::fchmodat(parent, name.c_str(), mode, 0) != 0) {
        return fail_errno(entry.path);
    }
    late.listed = late_[entry.path].listed;
    late_[entry.path] = late;
    return {};
}

Result<void> UnpackDirectory::make_opaque(std::string_view path) {
    TRY_ASSIGN(const int directory, enter(path));
    // O_PATH descriptors take no attributes.
    const Fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open() || ::fsetxattr(fd.get(), options_.opaque_xattr.c_str(), "y", 1, 0) != 0) {
        return fail_errno(path);
    }
    opaque_.emplace(path);
    return {};
}

Result<void> UnpackDirectory::clear(int parent, const std::string& name, std::string_view path) {
    TRY(remove_tree_at(parent, name), "while making way for {}", path);
    return {};
}

Result<void> UnpackDirectory::dress_file(int fd, const tar::TarEntry& entry) {
    if (owner_differs(entry)) {
        TRY(set_owner(fd, "", entry));
    }
    if (!entry.xattrs.empty()) {
        TRY(set_xattrs(fd, entry));
    }
    const mode_t mode = entry.mode & k_mode_bits;
    if (mode_differs(mode) && ::fchmod(fd, mode) != 0) {
        return fail_errno(entry.path);
    }
    const auto times = both(seconds(entry.mtime));
    if (::futimens(fd, times.data()) != 0) {
        return fail_errno(entry.path);
    }
    return {};
}

Result<void> UnpackDirectory::dress_node(
    int parent, const std::string& name, const tar::TarEntry& entry
) {
    if (owner_differs(entry)) {
        TRY(set_owner(parent, name, entry));
    }
    const mode_t mode = entry.mode & k_mode_bits;
    if (entry.type != tar::EntryType::symlink && mode_differs(mode)
        && ::fchmodat(parent, name.c_str(), mode, 0) != 0) {
        return fail_errno(entry.path);
    }
    const auto times = both(seconds(entry.mtime));
    if (::utimensat(parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
        return fail_errno(entry.path);
    }
    return {};
}

Result<void> UnpackDirectory::set_owner(
    int parent, const std::string& name, const tar::TarEntry& entry
) {
    if (options_.owner == Owner::ignore) {
        return {};
    }
    if (entry.uid >= std::numeric_limits<uid_t>::max()
        || entry.gid >= std::numeric_limits<gid_t>::max()) {
        return fail(
            Code::invalid_input,
            "{} belongs to {}:{}, which no system can have",
            entry.path,
            entry.uid,
            entry.gid
        );
    }
    const int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
    const auto uid = static_cast<uid_t>(entry.uid);
    const auto gid = static_cast<gid_t>(entry.gid);
    if (::fchownat(parent, name.c_str(), uid, gid, flags) == 0) {
        return {};
    }
    if (errno == EINVAL) {  // what the kernel says for an id outside the namespace's range
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "{} belongs to {}:{}, which this user namespace does not map",
                entry.path,
                entry.uid,
                entry.gid
            ),
            .hint = "give the user a larger range in /etc/subuid and /etc/subgid"});
    }
    return fail_errno(entry.path);
}

Result<void> UnpackDirectory::set_xattrs(int fd, const tar::TarEntry& entry) {
    for (const auto& [name, value] : entry.xattrs) {
        if (!is_kept_xattr(name)) {
            continue;
        }
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) {
            continue;
        }
        if (errno != ENOTSUP && errno != EPERM) {
            return fail_errno(fmt::format("{} of {}", name, entry.path));
        }
        skip(
            entry.path,
            fmt::format(
                "{}: {}",
                name,
                errno == EPERM ? "not permitted" : "the file system keeps no such attributes"
            )
        );
    }
    return {};
}

bool UnpackDirectory::owner_differs(const tar::TarEntry& entry) const {
    return options_.owner == Owner::keep
           && (entry.uid != user_ || entry.gid != group_ || parent_setgid_);
}

bool UnpackDirectory::mode_differs(mode_t mode) const {
    return (mode & (umask_ | (k_mode_bits & ~k_permission_bits))) != 0;
}

Result<void> UnpackDirectory::finish_directories() {
    parent_ = Fd{};
    // Deepest first: a mode that was held back may shut us out of what lies below.
    for (auto late = late_.rbegin(); late != late_.rend(); ++late) {
        const auto& [path, facts] = *late;
        const int flags = (facts.mode ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW;
        const auto fd = open_at(root_, path.empty() ? "." : path, flags, Resolve::no_links);
        if (!fd) {
            continue;  // a later entry replaced it
        }
        if (facts.mode && ::fchmod(fd->get(), *facts.mode) != 0) {
            return fail_errno(path);
        }
        const auto times = both(facts.mtime);
        const int done = facts.mode ? ::futimens(fd->get(), times.data())
                                    : ::utimensat(fd->get(), "", times.data(), AT_EMPTY_PATH);
        if (done != 0) {
            return fail_errno(path.empty() ? "." : path);
        }
    }
    late_.clear();
    return {};
}

void UnpackDirectory::skip(std::string_view path, std::string reason) {
    ++report_.skipped_count;
    if (report_.skipped.size() < k_skipped_kept) {
        report_.skipped.push_back({std::string(path), std::move(reason)});
    }
}

}  // namespace kiln::tree
