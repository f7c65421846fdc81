#include "daemon/exec/stubs.hpp"

#include "layers/tree/whiteout.hpp"
#include "store/base/limits.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace kiln::exec {
namespace {

/// Puts the times of a directory back when what happens in it in between is over.
class SameTimes {
  public:
    explicit SameTimes(int directory)
        : directory_(directory),
          known_(::fstat(directory, &facts_) == 0) {}

    SameTimes(const SameTimes&) = delete;
    SameTimes& operator=(const SameTimes&) = delete;

    ~SameTimes() {
        if (known_) {
            const std::array<timespec, 2> times{facts_.st_atim, facts_.st_mtim};
            ::futimens(directory_, times.data());
        }
    }

  private:
    int directory_;

    struct stat facts_ {};

    bool known_;
};

std::string or_dot(std::string_view path) {
    return path.empty() ? "." : std::string(path);
}

bool is_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The number of the mount that an open file is seen through.
Result<std::uint64_t> mount_of(int fd) {
    struct statx facts {};

    if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &facts) != 0) {
        return fail_errno("statx");
    }
    return facts.stx_mnt_id;
}

/// Removes `name` if it is still that inode; whether it is gone or was never there.
bool remove_if_same(int upper, std::string_view path, std::uint64_t inode) {
    auto parent = open_at(
        upper, or_dot(tree::parent_of(path)), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, Resolve::beneath
    );
    if (!parent) {
        return false;
    }
    const std::string name(tree::name_of(path));
    const auto facts = stat_at(parent->get(), name);
    if (!facts || !*facts || (*facts)->st_ino != inode) {
        return false;
    }
    const SameTimes same(parent->get());
    const int flag = S_ISDIR((*facts)->st_mode) ? AT_REMOVEDIR : 0;
    return ::unlinkat(parent->get(), name.c_str(), flag) == 0 || errno == ENOTEMPTY;
}

/// Looks for the inode everywhere: a directory that held the mount point can be renamed.
Result<bool> remove_anywhere(int upper, const std::string& directory, std::uint64_t inode) {
    auto opened =
        open_at(upper, or_dot(directory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, Resolve::beneath);
    TRY(opened);
    TRY_ASSIGN(const auto names, list_directory(opened->get()));
    for (const std::string& name : names) {
        const std::string path = directory.empty() ? name : directory + "/" + name;
        if (remove_if_same(upper, path, inode)) {
            return true;
        }
        TRY_ASSIGN(const auto facts, stat_at(opened->get(), name));
        if (facts && S_ISDIR(facts->st_mode)) {
            TRY_ASSIGN(const bool removed, remove_anywhere(upper, path, inode));
            if (removed) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

Result<Fd> Stubs::directory(const std::string& name) {
    TRY_ASSIGN(const auto facts, stat_at(root_, name));
    if (!facts) {
        return make_directory(root_, name);
    }
    if (!S_ISDIR(facts->st_mode)) {
        return fail(Code::invalid_input, "the image's /{} is not a directory", name);
    }
    return open_at(root_, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, Resolve::in_root);
}

Result<std::optional<Fd>> Stubs::file(const std::string& path) {
    auto there = open_at(root_, path, O_PATH, Resolve::in_root);
    if (there) {
        TRY_ASSIGN(const struct stat facts, stat_fd(there->get()));
        if (!S_ISREG(facts.st_mode)) {
            return std::optional<Fd>();
        }
        return std::optional(*std::move(there));
    }
    const auto target = end_of_links(path);
    auto made = target ? make(*target, MountPoint::file) : tl::unexpected(Error{});
    return made ? std::optional(*std::move(made)) : std::optional<Fd>();
}

Result<Fd> Stubs::point(const std::string& path, MountPoint kind) {
    TRY_ASSIGN(Fd there, open_or_make(path, kind));
    const std::string real = path_in_image(there.get());
    if (real.empty() || real == "dev") {
        return fail(Code::invalid_input, "nothing can be mounted on /{} of an image", real);
    }
    if (is_below(real, "proc") || is_below(real, "sys")) {
        return fail(Code::invalid_input, "{} lies in the kernel's /proc or /sys", path);
    }
    TRY_ASSIGN(const struct stat facts, stat_fd(there.get()));
    if (S_ISDIR(facts.st_mode) != (kind == MountPoint::directory)) {
        const bool wants_directory = kind == MountPoint::directory;
        return fail(
            Code::invalid_input,
            "the image's {} is {} directory, what is mounted there is {}",
            path,
            wants_directory ? "no" : "a",
            wants_directory ? "one" : "none"
        );
    }
    return there;
}

Result<Fd> Stubs::open_or_make(const std::string& path, MountPoint kind) {
    const std::string relative = path.substr(std::min(path.find_first_not_of('/'), path.size()));
    auto there = open_at(root_, or_dot(relative), O_PATH, Resolve::in_root);
    if (there) {
        return there;
    }
    const auto target = end_of_links(relative);
    if (!target) {
        return fail(Code::invalid_input, "the image's {} is a loop of symlinks", path);
    }
    return make(*target, kind);
}

/// `path` leads over no symlink at its end.
Result<Fd> Stubs::make(const std::string& path, MountPoint kind) {
    TRY_ASSIGN(Fd parent, open_at(root_, ".", O_RDONLY | O_DIRECTORY, Resolve::in_root));
    std::size_t begin = 0;
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', begin)) {
        const std::string part = path.substr(0, end);
        auto next = open_at(root_, part, O_RDONLY | O_DIRECTORY, Resolve::in_root);
        if (!next && next.error().code == Code::not_found) {
            next = make_directory(parent.get(), path.substr(begin, end - begin));
        }
        TRY(next);
        parent = *std::move(next);
        begin = end + 1;
    }
    const std::string name = path.substr(begin);
    return kind == MountPoint::directory ? make_directory(parent.get(), name)
                                         : make_file(parent.get(), name);
}

Result<Fd> Stubs::make_file(int parent, const std::string& name) {
    TRY_ASSIGN(const bool recorded, is_changeable(parent));
    const SameTimes same(parent);
    constexpr int k_flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    TRY_ASSIGN(Fd made, open_at(parent, name, k_flags, Resolve::beneath, 0644));
    if (recorded) {
        TRY(record(parent, name));
    }
    return made;
}

Result<Fd> Stubs::make_directory(int parent, const std::string& name) {
    TRY_ASSIGN(const bool recorded, is_changeable(parent));
    TRY_ASSIGN(const Fd writable, open_at(parent, ".", O_RDONLY | O_DIRECTORY, Resolve::beneath));
    {
        const SameTimes same(writable.get());
        if (::mkdirat(parent, name.c_str(), 0755) != 0) {
            return fail_errno(name);
        }
    }
    if (recorded) {
        TRY(record(parent, name));
    }
    return open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, Resolve::beneath);
}

Result<void> Stubs::record(int parent, const std::string& name) {
    const std::string folder = path_in_image(parent);
    TRY_ASSIGN(const auto facts, stat_at(parent, name));
    made_.push_back(Stub{
        .path = folder.empty() ? name : folder + "/" + name, .inode = facts ? facts->st_ino : 0});
    return {};
}

/// Where an open file really is, without '/' in front; "" for the root.
std::string Stubs::path_in_image(int fd) const {
    std::array<char, limits::k_path_bytes> buffer{};
    const auto real_path = [&buffer](int of) {
        const std::string link = fmt::format("/proc/self/fd/{}", of);
        const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
        return std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    };
    const std::string root = real_path(root_);
    std::string path = real_path(fd).substr(root.size());
    path.erase(0, path.find_first_not_of('/'));
    return path;
}

/// Whether what is made there must be removed later: not so in /dev, which goes by itself.
/// Errors   invalid_input in what else is mounted.
Result<bool> Stubs::is_changeable(int parent) const {
    TRY_ASSIGN(const std::uint64_t here, mount_of(parent));
    TRY_ASSIGN(const std::uint64_t root, mount_of(root_));
    if (here == root) {
        return true;
    }
    TRY_ASSIGN(const Fd dev, open_at(root_, "dev", O_PATH, Resolve::in_root));
    TRY_ASSIGN(const std::uint64_t devices, mount_of(dev.get()));
    if (here == devices) {
        return false;
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("nothing is made in /{}, which is mounted", path_in_image(parent)),
        .hint = "make it there first"});
}

std::optional<std::string> Stubs::end_of_links(std::string path) {
    for (std::size_t i = 0; i < limits::k_symlinks_followed; ++i) {
        const auto link = open_at(root_, path, O_PATH | O_NOFOLLOW, Resolve::in_root);
        if (!link) {
            return path;
        }
        std::array<char, limits::k_path_bytes> buffer{};
        const ssize_t size = ::readlinkat(link->get(), "", buffer.data(), buffer.size());
        if (size <= 0) {
            return std::nullopt;
        }
        std::string text(buffer.data(), static_cast<std::size_t>(size));
        if (text.front() != '/' && !tree::parent_of(path).empty()) {
            text = std::string(tree::parent_of(path)) + "/" + text;
        }
        path = text.substr(std::min(text.find_first_not_of('/'), text.size()));
    }
    return std::nullopt;
}

Result<void> remove_stubs(int upper, const std::vector<Stub>& stubs) {
    // Last made, first removed: a file before the directory that was made for it.
    for (auto stub = stubs.rbegin(); stub != stubs.rend(); ++stub) {
        if (!remove_if_same(upper, stub->path, stub->inode)) {
            TRY(remove_anywhere(upper, "", stub->inode), "while removing mount points");
        }
    }
    return {};
}

}  // namespace kiln::exec
