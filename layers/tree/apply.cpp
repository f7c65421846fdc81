#include "layers/tree/apply.hpp"

#include "layers/tree/unpack_directory.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <utility>

namespace kiln::tree {
namespace {

/// Large enough that the kernel's work per call does not show, small enough for the cache.
constexpr std::size_t k_copy_bytes = 256 * limits::k_kib;
/// Zeros are left as holes from this many in a row on: the hole of a sparse file costs no disk.
constexpr std::size_t k_hole_bytes = 64 * limits::k_kib;

/// Every byte equals its neighbour, and the first is zero.
bool all_zero(ByteSpan bytes) {
    return bytes.front() == std::byte{0}
           && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

struct Applier::State {
    State(int root, ApplyOptions given, std::stop_token stop_token)
        : options(std::move(given)),
          directory(root, options, report),
          stop(std::move(stop_token)),
          buffer(k_copy_bytes) {}

    Result<void> add(const tar::TarEntry& entry, ByteSource& content);
    Result<void> add_file(const tar::TarEntry& entry, ByteSource& content);
    Result<void> add_link(const tar::TarEntry& entry);
    Result<void> link_below(const tar::TarEntry& entry);
    [[nodiscard]] bool is_free(std::string_view path) const;
    Result<void> add_symlink(const tar::TarEntry& entry);
    Result<void> add_node(const tar::TarEntry& entry);
    Result<void> add_whiteout(const tar::TarEntry& entry, NameKind kind);
    Result<void> hide_in_overlay(std::string_view path);
    Result<void> remove_older(const std::string& path);
    Result<void> remove_older_children(const std::string& path);
    Result<void> copy(int fd, const tar::TarEntry& entry, ByteSource& content);
    Result<std::size_t> fill(ByteSource& content, std::size_t wanted);
    /// Calls make() and, while something else has the name, removes that first.
    template<class Make>
    Result<void> make_in_place(const tar::TarEntry& entry, Make make);
    void remember(std::string_view path);

    ApplyOptions options;
    ApplyReport report;
    UnpackDirectory directory;
    std::stop_token stop;
    Bytes buffer;
    std::unordered_set<std::string> written;  // with Whiteouts::remove: paths of this apply
};

Applier::Applier(int root, ApplyOptions options, std::stop_token stop)
    : state_(std::make_unique<State>(root, std::move(options), std::move(stop))) {}

Applier::~Applier() = default;

Result<void> Applier::add(const tar::TarEntry& entry, ByteSource& content) {
    TRY(check(state_->stop));
    TRY(state_->add(entry, content), "while unpacking {}", entry.path);
    ++state_->report.entries;
    return {};
}

Result<ApplyReport> Applier::finish() {
    TRY(state_->directory.finish_directories());
    return std::move(state_->report);
}

Result<ApplyReport> apply(
    tar::TarReader& reader, int root, ApplyOptions options, std::stop_token stop
) {
    Applier applier(root, std::move(options), std::move(stop));
    while (true) {
        TRY_ASSIGN(const auto entry, reader.next());
        if (!entry) {
            return applier.finish();
        }
        TRY(applier.add(*entry, reader.content()));
    }
}

Result<void> Applier::State::add(const tar::TarEntry& entry, ByteSource& content) {
    for (std::string_view path = entry.path; !path.empty(); path = parent_of(path)) {
        const NameKind kind = kind_of(name_of(path));
        if (kind == NameKind::plain) {
            continue;
        }
        if (options.whiteouts == Whiteouts::refuse || path.size() != entry.path.size()
            || kind == NameKind::nothing) {
            return fail(Code::invalid_input, "{} is the name of a whiteout", path);
        }
        return add_whiteout(entry, kind);
    }
    if (options.whiteouts == Whiteouts::remove) {
        remember(entry.path);
    }
    switch (entry.type) {
        case tar::EntryType::directory:
            return directory.directory(entry);
        case tar::EntryType::file:
            return add_file(entry, content);
        case tar::EntryType::symlink:
            return add_symlink(entry);
        case tar::EntryType::hardlink:
            return add_link(entry);
        case tar::EntryType::char_device:
        case tar::EntryType::block_device:
        case tar::EntryType::fifo:
            return add_node(entry);
    }
    return {};
}

template<class Make>
Result<void> Applier::State::make_in_place(const tar::TarEntry& entry, Make make) {
    if (entry.path.empty()) {
        return fail(Code::invalid_input, "the root can only be a directory");
    }
    TRY_ASSIGN(const int parent, directory.enter(parent_of(entry.path)));
    const std::string name(name_of(entry.path));
    while (make(parent, name.c_str()) < 0) {
        if (errno != EEXIST) {
            return fail_errno(entry.path);
        }
        TRY(directory.clear(parent, name, entry.path));
    }
    return {};
}

Result<void> Applier::State::add_file(const tar::TarEntry& entry, ByteSource& content) {
    Fd fd;
    TRY(make_in_place(entry, [&](int parent, const char* name) {
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        fd = Fd(::openat(parent, name, flags, entry.mode & 0777U));
        return fd.get();
    }));
    TRY(copy(fd.get(), entry, content));
    return directory.dress_file(fd.get(), entry);
}

Result<void> Applier::State::copy(int fd, const tar::TarEntry& entry, ByteSource& content) {
    std::uint64_t left = entry.size_bytes;
    bool ends_in_hole = false;
    while (left > 0) {
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        TRY_ASSIGN(const std::size_t count, fill(content, wanted));
        if (count < wanted) {
            return fail(Code::corrupt, "the content ends {} bytes early", left - count);
        }
        const ByteSpan bytes = ByteSpan(buffer).first(count);
        ends_in_hole = count >= k_hole_bytes && all_zero(bytes);
        if (ends_in_hole) {
            if (::lseek(fd, static_cast<off_t>(count), SEEK_CUR) < 0) {
                return fail_errno(entry.path);
            }
        } else {
            TRY(write_all(fd, bytes));
        }
        left -= count;
        TRY(check(stop));
    }
    if (ends_in_hole && ::ftruncate(fd, static_cast<off_t>(entry.size_bytes)) != 0) {
        return fail_errno(entry.path);
    }
    report.content_bytes += entry.size_bytes;
    return {};
}

Result<std::size_t> Applier::State::fill(ByteSource& content, std::size_t wanted) {
    std::size_t count = 0;
    while (count < wanted) {
        const MutableByteSpan rest = MutableByteSpan(buffer).first(wanted).subspan(count);
        TRY_ASSIGN(const std::size_t more, content.read(rest));
        if (more == 0) {
            break;
        }
        count += more;
    }
    return count;
}

Result<void> Applier::State::add_link(const tar::TarEntry& entry) {
    if (entry.link == entry.path || entry.link.empty()) {
        return fail(Code::invalid_input, "{} is a hard link to itself", entry.path);
    }
    TRY_ASSIGN(const int parent, directory.enter(parent_of(entry.path)));
    const std::string target_name(name_of(entry.link));
    Fd other;
    int target_parent = parent;
    if (parent_of(entry.link) != parent_of(entry.path)) {
        if (auto found = directory.look(parent_of(entry.link))) {
            other = std::move(*found);
        }
        target_parent = other.get();
    }
    const auto target = target_parent < 0 ? Result<std::optional<struct stat>>(std::nullopt)
                                          : stat_at(target_parent, target_name);
    TRY(target);
    const bool is_whiteout = *target && options.whiteouts == Whiteouts::overlay
                             && S_ISCHR((*target)->st_mode) && (*target)->st_rdev == makedev(0, 0);
    if (!*target || is_whiteout) {
        return link_below(entry);
    }
    if (S_ISDIR((*target)->st_mode)) {
        return fail(
            Code::invalid_input, "{} is a hard link to the directory {}", entry.path, entry.link
        );
    }
    return make_in_place(entry, [&](int into, const char* name) {
        return ::linkat(target_parent, target_name.c_str(), into, name, 0);
    });
}

/// The file is copied up to its own name and linked from there, as an overlay would; only to the
/// link where this layer has something else there.
Result<void> Applier::State::link_below(const tar::TarEntry& entry) {
    auto file =
        options.below != nullptr ? options.below->find(entry.link) : std::optional<tar::TarEntry>{};
    if (!file || file->type != tar::EntryType::file) {
        return fail(
            Code::invalid_input,
            "{} is a hard link to {}, which is not there",
            entry.path,
            entry.link
        );
    }
    TRY_ASSIGN(const auto content, options.below->open(entry.link));
    if (!is_free(entry.link)) {
        file->path = entry.path;
        return add_file(*file, *content);
    }
    file->path = entry.link;
    TRY(add_file(*file, *content));
    return add_link(entry);
}

/// Whether `path` can be made without replacing anything.
bool Applier::State::is_free(std::string_view path) const {
    while (true) {
        const std::string_view parent = parent_of(path);
        if (const auto opened = directory.look(parent)) {
            const auto taken = stat_at(opened->get(), std::string(name_of(path)));
            return taken && !*taken;
        }
        if (parent.empty()) {
            return false;
        }
        path = parent;
    }
}

Result<void> Applier::State::add_symlink(const tar::TarEntry& entry) {
    TRY(make_in_place(entry, [&](int parent, const char* name) {
        return ::symlinkat(entry.link.c_str(), parent, name);
    }));
    TRY_ASSIGN(const int parent, directory.enter(parent_of(entry.path)));
    return directory.dress_node(parent, std::string(name_of(entry.path)), entry);
}

Result<void> Applier::State::add_node(const tar::TarEntry& entry) {
    const bool is_device = entry.type != tar::EntryType::fifo;
    const dev_t device = is_device ? makedev(entry.device_major, entry.device_minor) : 0;
    if (is_device && options.devices == Devices::skip) {
        directory.skip(entry.path, "devices are left out");
        return {};
    }
    if (entry.type == tar::EntryType::char_device && device == makedev(0, 0)
        && options.whiteouts == Whiteouts::overlay) {
        directory.skip(entry.path, "an overlay would take the character device 0:0 for a whiteout");
        return {};
    }
    const mode_t kind = entry.type == tar::EntryType::fifo          ? S_IFIFO
                        : entry.type == tar::EntryType::char_device ? S_IFCHR
                                                                    : S_IFBLK;
    bool permitted = true;
    TRY(make_in_place(entry, [&](int parent, const char* name) {
        const int made = ::mknodat(parent, name, kind | (entry.mode & 0777U), device);
        permitted = made == 0 || errno != EPERM;
        return permitted ? made : 0;
    }));
    if (!permitted) {
        directory.skip(entry.path, "devices cannot be made here");
        return {};
    }
    TRY_ASSIGN(const int parent, directory.enter(parent_of(entry.path)));
    return directory.dress_node(parent, std::string(name_of(entry.path)), entry);
}

Result<void> Applier::State::add_whiteout(const tar::TarEntry& entry, NameKind kind) {
    const std::string parent(parent_of(entry.path));
    TRY(directory.enter(parent));
    const bool remove = options.whiteouts == Whiteouts::remove;
    if (remove) {
        remember(parent);
    }
    if (kind == NameKind::opaque) {
        TRY(remove ? remove_older_children(parent) : directory.make_opaque(parent));
        return directory.forget_lower_below(parent);
    }
    if (kind == NameKind::whiteout) {
        const std::string path = join(parent, whited_out(name_of(entry.path)));
        TRY(remove ? remove_older(path) : hide_in_overlay(path));
        TRY(directory.forget_lower(path));
        return directory.forget_lower_below(path);
    }
    return {};
}

Result<void> Applier::State::hide_in_overlay(std::string_view path) {
    // In a directory that only this layer has, overlayfs would list the name of a whiteout.
    if (options.below != nullptr
        && (directory.is_hidden_by_parent(path) || !options.below->find(path))) {
        return {};
    }
    TRY_ASSIGN(const int parent, directory.enter(parent_of(path)));
    const std::string name(name_of(path));
    if (::mknodat(parent, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) {
        return {};
    }
    if (errno != EEXIST) {
        return fail_errno(path);
    }
    TRY_ASSIGN(const auto facts, stat_at(parent, name));
    // A file of this layer hides what is below by itself, a directory does not.
    return facts && S_ISDIR(facts->st_mode) ? directory.make_opaque(path) : Result<void>{};
}

/// Removes what was at `path` before this apply, and keeps what came in it.
Result<void> Applier::State::remove_older(const std::string& path) {
    if (written.contains(path)) {
        return remove_older_children(path);
    }
    TRY_ASSIGN(const int parent, directory.enter(parent_of(path)));
    return directory.clear(parent, std::string(name_of(path)), path);
}

Result<void> Applier::State::remove_older_children(const std::string& path) {
    const auto opened = directory.look(path);
    if (!opened) {
        return {};  // no directory, so nothing below it is older
    }
    TRY_ASSIGN(const auto names, list_directory(opened->get()));
    for (const std::string& name : names) {
        TRY(remove_older(join(path, name)));
    }
    return {};
}

void Applier::State::remember(std::string_view path) {
    while (written.emplace(path).second && !path.empty()) {
        path = parent_of(path);
    }
}

}  // namespace kiln::tree
