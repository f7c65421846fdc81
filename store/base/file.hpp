#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {

/// Owns one file descriptor.
class Fd {
  public:
    Fd() = default;

    explicit Fd(int fd)
        : fd_(fd) {}

    Fd(Fd&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

/// How far a path may lead, for openat2(2).
enum class Resolve : std::uint8_t {
    beneath,   // nothing outside the directory, symlinks included: paths of the store
    in_root,   // the directory is '/': paths inside an image
    no_links,  // beneath, and no symlink anywhere on the way: where hostile archives are unpacked
    anywhere,  // the user's own path, in the client
};

/// Every call is openat-style and O_CLOEXEC; errors carry the path and errno. May block: call from
/// the pool.
Result<Fd> open_at(
    int directory, const std::string& path, int flags, Resolve resolve, mode_t mode = 0
);
Result<Fd> open_directory(const std::string& path);
Result<Fd> duplicate(const Fd& fd);

/// Creates the directory and its missing parents (0700 & ~umask would leak the umask: mode is
/// exact).
Result<void> make_directories_at(int directory, const std::string& path, mode_t mode);

Result<void> write_all(int fd, ByteSpan bytes);
Result<void> pwrite_all(int fd, ByteSpan bytes, std::uint64_t offset);
/// Fewer bytes than asked only at the end of the file.
Result<std::size_t> pread_some(int fd, MutableByteSpan into, std::uint64_t offset);
Result<void> pread_exact(int fd, MutableByteSpan into, std::uint64_t offset);
Result<struct stat> stat_fd(int fd);
/// nullopt when nothing has that name; symlinks are not followed.
Result<std::optional<struct stat>> stat_at(int directory, const std::string& path);

Result<std::string> read_file_at(int directory, const std::string& path, std::size_t limit_bytes);
/// Names in the directory, sorted bytewise, without "." and "..".
Result<std::vector<std::string>> list_directory(int directory);
/// Deletes the tree; an absent path counts as removed. Never leaves the file system or follows a
/// symlink.
Result<void> remove_tree_at(int directory, const std::string& path);

/// A read-only mapping of a whole file; the bytes live as long as the object.
class MappedFile {
  public:
    static Result<MappedFile> map(const Fd& fd);
    MappedFile() = default;

    MappedFile(MappedFile&& other) noexcept
        : bytes_(std::exchange(other.bytes_, {})) {}

    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] ByteSpan bytes() const { return bytes_; }

  private:
    ByteSpan bytes_;
};

/// Reads a range of an open file front to back.
class FdSource final : public ByteSource {
  public:
    /// `fd` outlives the source. `size_bytes` nullopt: to the end of the file.
    explicit FdSource(
        int fd, std::uint64_t offset = 0, std::optional<std::uint64_t> size_bytes = std::nullopt
    )
        : fd_(fd),
          offset_(offset),
          rest_(size_bytes.value_or(UINT64_MAX)) {}

    Result<std::size_t> read(MutableByteSpan into) override;
    Result<std::uint64_t> skip(std::uint64_t count) override;

  private:
    int fd_;
    std::uint64_t offset_;
    std::uint64_t rest_;
};

/// Reads a pipe or socket (no offsets).
class StreamSource final : public ByteSource {
  public:
    explicit StreamSource(int fd)
        : fd_(fd) {}

    Result<std::size_t> read(MutableByteSpan into) override;

  private:
    int fd_;
};

/// Writes to an open descriptor that outlives the sink.
class FdSink final : public ByteSink {
  public:
    explicit FdSink(int fd)
        : fd_(fd) {}

    Result<void> write(ByteSpan bytes) override { return write_all(fd_, bytes); }

  private:
    int fd_;
};

}  // namespace kiln
