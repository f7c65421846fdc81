#pragma once

#include "store/base/file.hpp"

#include <string>
#include <string_view>

namespace kiln::testing {

/// Where a test keeps its files. What syncs much is slow on a disk; in memory, where the machine
/// has /dev/shm, a sync costs nothing.
enum class Medium : bool { disk, memory };

/// A fresh directory that is gone, with all it holds, at the end of the test.
class TempDirectory {
  public:
    explicit TempDirectory(Medium medium = Medium::disk);
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory();

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::string path(std::string_view below) const;
    /// Writes a file and the directories it needs.
    void write(std::string_view below, std::string_view content, mode_t mode = 0644) const;
    [[nodiscard]] std::string read(std::string_view below) const;

  private:
    std::string path_;
};

/// A seekable file without a name that holds these bytes.
Fd file_of(std::string_view bytes);

}  // namespace kiln::testing
