#pragma once

#include "store/base/file.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

/// Where digests are remembered between builds: one file a context.
class CacheDirectory {
  public:
    /// `path` is $XDG_CACHE_HOME/kiln; made when absent. nullopt where that cannot be.
    static std::optional<CacheDirectory> open(const std::string& path);

    /// The file of a context: its directory's device and inode, and what its rules are called.
    static std::string name_of(const struct stat& root, std::string_view ignore_name);

    [[nodiscard]] int fd() const { return directory_.get(); }

    /// Removes the oldest files beyond a number that nobody builds from.
    void prune() const;

  private:
    explicit CacheDirectory(Fd directory)
        : directory_(std::move(directory)) {}

    Fd directory_;
};

}  // namespace kiln::client
