#pragma once

#include "store/base/file.hpp"

#include <string>

namespace kiln::store {

/// Every change the store makes to its disk, as one interface: tests put a layer here that fails
/// the n-th call, or one that records what a power cut may take away. Reads go past it.
/// Paths are relative to `directory` and stay beneath it.
/// Thread   any.
class FileLayer {
  public:
    FileLayer() = default;
    FileLayer(const FileLayer&) = delete;
    FileLayer& operator=(const FileLayer&) = delete;
    virtual ~FileLayer() = default;

    /// A new file for writing; `path` "." makes one without a name where the file system can
    /// (O_TMPFILE), unsupported where it cannot.
    virtual Result<Fd> create(int directory, const std::string& path, mode_t mode) = 0;
    virtual Result<void> write(int fd, ByteSpan bytes) = 0;
    /// Content and size of a file, or the names of a directory, are on the disk when it returns.
    virtual Result<void> sync(int fd) = 0;
    /// Gives an open file a name. Errors   conflict when the name is taken.
    virtual Result<void> link(int fd, int directory, const std::string& path) = 0;
    /// Replaces what is at `to`.
    virtual Result<void> rename(
        int from_directory, const std::string& from, int to_directory, const std::string& to
    ) = 0;
    /// A file; an absent one counts as removed.
    virtual Result<void> unlink(int directory, const std::string& path) = 0;
    /// With its parents; existing ones stay as they are.
    virtual Result<void> make_directories(int directory, const std::string& path, mode_t mode) = 0;
};

/// The kernel's.
class KernelFiles final : public FileLayer {
  public:
    Result<Fd> create(int directory, const std::string& path, mode_t mode) override;
    Result<void> write(int fd, ByteSpan bytes) override;
    Result<void> sync(int fd) override;
    Result<void> link(int fd, int directory, const std::string& path) override;
    Result<void> rename(
        int from_directory, const std::string& from, int to_directory, const std::string& to
    ) override;
    Result<void> unlink(int directory, const std::string& path) override;
    Result<void> make_directories(int directory, const std::string& path, mode_t mode) override;
};

}  // namespace kiln::store
