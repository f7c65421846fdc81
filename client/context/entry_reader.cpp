#include "client/context/entry_reader.hpp"

#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>

namespace kiln::client {
namespace {

constexpr std::size_t k_file_read_bytes = 256UL * 1024;
/// Linux keeps at most 64 KiB of names and 64 KiB of value an xattr.
constexpr std::size_t k_xattr_bytes = 64UL * 1024;
constexpr std::string_view k_user_xattr = "user.";

tl::unexpected<Error> changed(const ContextRow& row) {
    return fail(Error{
        .code = Code::conflict,
        .message = fmt::format("{} was changed while the context was read", row.walked.path),
        .hint = "build again when nothing writes there"});
}

/// One call where there is none, which is nearly everywhere.
Result<std::map<std::string, std::string>> read_user_xattrs(int fd, std::string_view path) {
    std::map<std::string, std::string> xattrs;
    const ssize_t wanted = ::flistxattr(fd, nullptr, 0);
    if (wanted <= 0) {
        return xattrs;  // none, or a file system without them
    }
    std::string names(k_xattr_bytes, '\0');
    const ssize_t size = ::flistxattr(fd, names.data(), names.size());
    if (size < 0) {
        return fail_errno(fmt::format("the xattrs of {}", path));
    }
    names.resize(static_cast<std::size_t>(size));
    std::string value(k_xattr_bytes, '\0');
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.c_str() + at;
        at += name.size() + 1;
        if (!name.starts_with(k_user_xattr)) {
            continue;
        }
        const ssize_t count = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
        if (count < 0) {
            return fail_errno(fmt::format("xattr {} of {}", name, path));
        }
        xattrs.emplace(name, value.substr(0, static_cast<std::size_t>(count)));
    }
    return xattrs;
}

/// The threads of one reading.
class Readers {
  public:
    Readers(int root, const std::vector<ContextRow*>& rows, const std::stop_token& stop)
        : root_(root),
          rows_(rows),
          stop_(stop) {}

    /// Takes rows until none is left; `report` is called now and then.
    void work(const std::function<void()>& report) {
        Hasher hasher;
        Bytes buffer(k_file_read_bytes);
        while (true) {
            const std::size_t index = next_.fetch_add(1);
            if (index >= rows_.size()) {
                return;
            }
            auto done = read(*rows_[index], hasher, buffer, report);
            if (!done) {
                const std::lock_guard lock(mutex_);
                if (index < failed_index_) {
                    failed_index_ = index;
                    error_ = std::move(done).error();
                }
                next_ = rows_.size();
            }
        }
    }

    [[nodiscard]] std::uint64_t done_bytes() const { return done_bytes_; }

    /// The first failure in the order of rows, so that the same trouble is told the same way.
    Result<void> result() {
        if (failed_index_ < rows_.size()) {
            return fail(error_);
        }
        return {};
    }

  private:
    Result<void> read(
        ContextRow& row, Hasher& hasher, Bytes& buffer, const std::function<void()>& report
    ) {
        TRY(check(stop_));
        switch (row.walked.mode & S_IFMT) {
            case S_IFREG:
                return read_file(row, hasher, buffer, report);
            case S_IFDIR:
                return read_directory(row);
            case S_IFLNK:
                return read_link(row);
            default:
                return {};
        }
    }

    Result<void> read_file(
        ContextRow& row, Hasher& hasher, Bytes& buffer, const std::function<void()>& report
    ) {
        TRY_ASSIGN(const Fd file, open_unchanged(root_, row));
        TRY_ASSIGN(row.xattrs, read_user_xattrs(file.get(), row.walked.path));
        std::uint64_t left = row.walked.identity.size_bytes;
        while (left > 0) {
            TRY(check(stop_));
            const auto part = std::min<std::uint64_t>(left, buffer.size());
            const ssize_t count = ::read(file.get(), buffer.data(), static_cast<std::size_t>(part));
            if (count < 0) {
                return fail_errno(row.walked.path);
            }
            if (count == 0) {
                return changed(row);
            }
            const auto size = static_cast<std::size_t>(count);
            hasher.update(ByteSpan(buffer).first(size));
            left -= size;
            done_bytes_ += size;
            report();
        }
        row.content = hasher.finish();
        return check_unchanged(file, row);
    }

    Result<void> read_directory(ContextRow& row) {
        const auto fd =
            open_at(root_, std::string(row.walked.path), O_RDONLY | O_DIRECTORY, Resolve::beneath);
        if (!fd) {
            return fail(fd.error());
        }
        TRY_ASSIGN(row.xattrs, read_user_xattrs(fd->get(), row.walked.path));
        return {};
    }

    Result<void> read_link(ContextRow& row) {
        std::array<char, PATH_MAX> text{};
        const std::string path(row.walked.path);
        const ssize_t size = ::readlinkat(root_, path.c_str(), text.data(), text.size());
        if (size < 0) {
            return errno == EINVAL || errno == ENOENT ? Result<void>(changed(row))
                                                      : fail_errno(path);
        }
        row.link.assign(text.data(), static_cast<std::size_t>(size));
        return {};
    }

    int root_;
    const std::vector<ContextRow*>& rows_;
    const std::stop_token& stop_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::uint64_t> done_bytes_ = 0;
    std::mutex mutex_;
    std::size_t failed_index_ = SIZE_MAX;
    Error error_;
};

}  // namespace

Result<Fd> open_unchanged(int root, const ContextRow& row) {
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    auto file = open_at(root, std::string(row.walked.path), flags, Resolve::beneath);
    if (!file) {
        if (file.error().code == Code::permission) {
            return fail(Error{
                .code = Code::permission,
                .message = fmt::format("{} in the context cannot be read", row.walked.path),
                .hint = "make it readable, or name it in .dockerignore"});
        }
        return changed(row);
    }
    TRY(check_unchanged(*file, row));
    return std::move(*file);
}

Result<void> check_unchanged(const Fd& file, const ContextRow& row) {
    TRY_ASSIGN(const struct stat facts, stat_fd(file.get()));
    if (identity_of(facts) != row.walked.identity) {
        return changed(row);
    }
    return {};
}

Result<void> read_entries(
    int root,
    const std::vector<ContextRow*>& rows,
    std::size_t threads,
    const ContextObserver& observer,
    const std::stop_token& stop
) {
    std::uint64_t total_bytes = 0;
    for (const ContextRow* row : rows) {
        total_bytes += S_ISREG(row->walked.mode) ? row->walked.identity.size_bytes : 0;
    }
    Readers readers(root, rows, stop);
    std::vector<std::thread> others;
    // A thread costs more than it gives for a handful of files.
    constexpr std::size_t k_rows_a_thread = 16;
    for (std::size_t i = 1; i < std::min(threads, rows.size() / k_rows_a_thread); ++i) {
        others.emplace_back([&readers] { readers.work([] {}); });
    }
    readers.work([&] { observer.hashing(readers.done_bytes(), total_bytes); });
    for (std::thread& other : others) {
        other.join();
    }
    return readers.result();
}

}  // namespace kiln::client
