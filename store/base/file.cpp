#include "store/base/file.hpp"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace kiln {
namespace {

std::uint64_t resolve_flags(Resolve resolve) {
    switch (resolve) {
        case Resolve::beneath:
            return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
        case Resolve::in_root:
            return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
        case Resolve::no_links:
            return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        case Resolve::anywhere:
            return 0;
    }
    return RESOLVE_BENEATH;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

Fd::~Fd() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<Fd> open_at(
    int directory, const std::string& path, int flags, Resolve resolve, mode_t mode
) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0U;
    how.resolve = resolve_flags(resolve);
    long fd = -1;
    do {
        fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
        // EAGAIN: a rename raced with the resolution; the kernel asks for another try.
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0) {
        return fail_errno(path);
    }
    return Fd(static_cast<int>(fd));
}

Result<Fd> open_directory(const std::string& path) {
    return open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, Resolve::anywhere);
}

Result<Fd> duplicate(const Fd& fd) {
    const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return fail_errno("dup");
    }
    return Fd(copy);
}

Result<void> make_directories_at(int directory, const std::string& path, mode_t mode) {
    std::size_t end = 0;
    while (end != std::string::npos) {
        end = path.find('/', end + 1);
        const std::string part = path.substr(0, end);
        if (::mkdirat(directory, part.c_str(), mode) == 0) {
            if (::fchmodat(directory, part.c_str(), mode, 0) != 0) {
                return fail_errno(part);
            }
        } else if (errno != EEXIST) {
            return fail_errno(part);
        }
    }
    return {};
}

Result<void> write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_errno("write");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<void> pwrite_all(int fd, ByteSpan bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_errno("write");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Result<std::size_t> pread_some(int fd, MutableByteSpan into, std::uint64_t offset) {
    std::size_t total = 0;
    while (total < into.size()) {
        const MutableByteSpan rest = into.subspan(total);
        const ssize_t count =
            ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + total));
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_errno("read");
        }
        if (count == 0) {
            break;
        }
        total += static_cast<std::size_t>(count);
    }
    return total;
}

Result<void> pread_exact(int fd, MutableByteSpan into, std::uint64_t offset) {
    TRY_ASSIGN(const std::size_t count, pread_some(fd, into, offset));
    if (count != into.size()) {
        return fail(Code::corrupt, "the file ends {} bytes early", into.size() - count);
    }
    return {};
}

Result<struct stat> stat_fd(int fd) {
    struct stat facts {};

    if (::fstat(fd, &facts) != 0) {
        return fail_errno("stat");
    }
    return facts;
}

Result<std::optional<struct stat>> stat_at(int directory, const std::string& path) {
    struct stat facts {};

    if (::fstatat(directory, path.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return std::optional<struct stat>{};
        }
        return fail_errno(path);
    }
    return std::optional<struct stat>(facts);
}

Result<std::string> read_file_at(int directory, const std::string& path, std::size_t limit_bytes) {
    TRY_ASSIGN(const Fd fd, open_at(directory, path, O_RDONLY, Resolve::anywhere));
    StreamSource source(fd.get());
    TRY_ASSIGN(const Bytes bytes, read_all(source, limit_bytes, path), "while reading {}", path);
    return std::string(as_text(bytes));
}

Result<std::vector<std::string>> list_directory(int directory) {
    TRY_ASSIGN(Fd own, open_at(directory, ".", O_RDONLY | O_DIRECTORY, Resolve::beneath));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), &::closedir);
    if (!stream) {
        return fail_errno("opendir");
    }
    static_cast<void>(own.release());  // the stream closes it
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
        errno = 0;
    }
    if (errno != 0) {
        return fail_errno("readdir");
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> remove_tree_at(int directory, const std::string& path) {
    if (::unlinkat(directory, path.c_str(), 0) == 0 || errno == ENOENT) {
        return {};
    }
    if (errno != EISDIR && errno != EPERM) {
        return fail_errno(path);
    }
    if (::unlinkat(directory, path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
        return {};
    }
    // The caller's path may be absolute; below it every name is one component, never followed.
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    auto child = open_at(directory, path, flags, Resolve::anywhere);
    if (!child && child.error().code == Code::permission
        && ::fchmodat(directory, path.c_str(), 0700, 0) == 0) {
        child = open_at(directory, path, flags, Resolve::anywhere);
    }
    TRY(child);
    TRY_ASSIGN(const auto names, list_directory(child->get()));
    for (const std::string& name : names) {
        auto removed = remove_tree_at(child->get(), name);
        if (!removed && removed.error().code == Code::permission
            && ::fchmod(child->get(), 0700) == 0) {
            removed = remove_tree_at(child->get(), name);
        }
        TRY(removed);
    }
    if (::unlinkat(directory, path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return fail_errno(path);
    }
    return {};
}

Result<MappedFile> MappedFile::map(const Fd& fd) {
    TRY_ASSIGN(const struct stat facts, stat_fd(fd.get()));
    MappedFile file;
    if (facts.st_size == 0) {
        return file;
    }
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (start == MAP_FAILED) {
        return fail_errno("mmap");
    }
    file.bytes_ = ByteSpan(static_cast<const std::byte*>(start), size);
    return file;
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) {
        ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
}

Result<std::size_t> FdSource::read(MutableByteSpan into) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(rest_, into.size()));
    TRY_ASSIGN(const std::size_t count, pread_some(fd_, into.first(wanted), offset_));
    offset_ += count;
    rest_ -= count;
    return count;
}

Result<std::uint64_t> FdSource::skip(std::uint64_t count) {
    TRY_ASSIGN(const struct stat facts, stat_fd(fd_));
    const auto end = static_cast<std::uint64_t>(facts.st_size);
    const std::uint64_t left = std::min(rest_, end > offset_ ? end - offset_ : 0);
    const std::uint64_t skipped = std::min(count, left);
    offset_ += skipped;
    rest_ -= skipped;
    return skipped;
}

Result<std::size_t> StreamSource::read(MutableByteSpan into) {
    while (true) {
        const ssize_t count = ::read(fd_, into.data(), into.size());
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            return fail_errno("read");
        }
    }
}

}  // namespace kiln
