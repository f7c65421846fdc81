#pragma once

#include "store/base/bytes.hpp"
#include "store/base/file.hpp"

#include <fcntl.h>

#include <cstdint>

namespace kiln::store {

/// One blob, open for reading anywhere in it. It stays readable when the collector removes the
/// name. Thread   pread() from any thread at once.
class BlobReader {
  public:
    BlobReader(Fd fd, std::uint64_t size_bytes)
        : fd_(std::move(fd)),
          size_bytes_(size_bytes) {}

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

    /// The file itself, for readers that outlive this one.
    [[nodiscard]] Fd release_fd() { return std::move(fd_); }

    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Errors   corrupt when the range lies beyond the end.
    Result<void> pread(MutableByteSpan into, std::uint64_t offset) const {
        return pread_exact(fd_.get(), into, offset);
    }

    /// From the beginning; the reader outlives the source.
    [[nodiscard]] FdSource source() const { return FdSource(fd_.get(), 0, size_bytes_); }

    /// Tells the kernel that the blob won't be read again soon, so that its pages serve what is
    /// written next. A hint: those that are not on the disk yet stay.
    void drop_pages() const {
        static_cast<void>(::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED));
    }

  private:
    Fd fd_;
    std::uint64_t size_bytes_;
};

}  // namespace kiln::store
