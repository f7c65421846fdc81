#pragma once

#include "layers/dockerfile/ignore.hpp"
#include "store/base/error.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// What tells one state of a file from another without reading it. Every change of content, mode,
/// owner or xattrs moves the ctime.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(const struct stat& facts);

/// Of a mode that is not about the type: permissions, setuid, setgid and sticky.
constexpr mode_t k_mode_bits = 07777;

struct WalkedEntry {
    std::string_view path;  // relative to the root, no '/' at either end; lives as long as the walk
    mode_t mode = 0;        // with its type bits
    dev_t device_number = 0;  // of a device
    FileIdentity identity;
};

/// What lies in a directory and is not ignored, in canonical order (tar::path_less).
class DirectoryWalk {
  public:
    struct Options {
        std::size_t threads = 1;
        /// Deeper or longer paths, and more entries, are too_large.
        std::size_t max_entries = 2'000'000;
    };

    /// `root` is an open directory, `name` is what errors call it. Ignored directories are not
    /// entered unless an exception may match below; one that is ignored itself is listed only when
    /// something in it is. What vanishes meanwhile counts as never seen. Sockets are left out.
    /// Errors   permission, too_large, cancelled.
    /// Thread   uses its own threads; `rules` is shared by them.
    static Result<DirectoryWalk> run(
        int root,
        std::string_view name,
        const dockerfile::IgnoreRules& rules,
        const Options& options,
        const std::stop_token& stop
    );

    DirectoryWalk(DirectoryWalk&&) noexcept;
    DirectoryWalk& operator=(DirectoryWalk&&) noexcept;
    ~DirectoryWalk();

    [[nodiscard]] const std::vector<const WalkedEntry*>& entries() const { return entries_; }

    /// Paths of the sockets that were left out.
    [[nodiscard]] const std::vector<std::string>& skipped_sockets() const { return sockets_; }

  private:
    struct Directory;
    struct Entry;
    class Crew;

    explicit DirectoryWalk(std::unique_ptr<Directory> root);
    void collect(const Directory& directory, std::vector<const WalkedEntry*>& waiting);

    std::unique_ptr<Directory> root_;
    std::vector<const WalkedEntry*> entries_;
    std::vector<std::string> sockets_;
};

}  // namespace kiln::client
