#pragma once

#include "layers/tar/tar_entry.hpp"
#include "layers/tree/apply.hpp"
#include "store/base/file.hpp"

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace kiln::tree {

/// The inside of Applier: the directory that is unpacked into, its directories and what every kind
/// of entry needs. No call follows a symlink: parents are opened by RESOLVE_NO_SYMLINKS or a
/// component at a time, and everything else is named by an open parent and one component.
class UnpackDirectory {
  public:
    UnpackDirectory(int root, const ApplyOptions& options, ApplyReport& report);

    /// The open directory `path`; it and its parents are made where they are missing, and replace
    /// what is no directory. The descriptor is kept for the next call, so that entries in order
    /// cost no opening; it is valid until then.
    Result<int> enter(std::string_view path);
    /// As enter(), but nullopt when there is no such directory.
    std::optional<Fd> look(std::string_view path) const;

    /// Makes or changes a directory.
    Result<void> directory(const tar::TarEntry& entry);
    /// Hides what lower layers hold in a directory, as overlayfs keeps it.
    Result<void> make_opaque(std::string_view path);
    /// Whether a directory around `path` was made opaque.
    [[nodiscard]] bool is_hidden_by_parent(std::string_view path) const;
    /// A whiteout took away what an unlisted directory had from lower layers.
    Result<void> forget_lower(const std::string& path);
    /// The same for all unlisted directories below it.
    Result<void> forget_lower_below(const std::string& path);
    /// Removes whatever has that name.
    Result<void> clear(int parent, const std::string& name, std::string_view path);

    /// Owner, xattrs, mode and times of an open, fresh file, in this order: chown drops
    /// capabilities and set-user-id bits.
    Result<void> dress_file(int fd, const tar::TarEntry& entry);
    /// The same for a fresh node that is not opened: symlink, device, fifo.
    Result<void> dress_node(int parent, const std::string& name, const tar::TarEntry& entry);

    /// Times, and modes held back, of all directories that were made, changed or written to.
    Result<void> finish_directories();

    void skip(std::string_view path, std::string reason);

  private:
    struct Late {
        timespec mtime{};
        std::optional<mode_t> mode = std::nullopt;  // held back: it would shut us out
        bool listed = false;                        // by an entry of its own
    };

    Result<Fd> make_parents(std::string_view path);
    Result<void> make_directory(
        int parent,
        const std::string& name,
        const std::optional<tar::TarEntry>& entry,
        std::string_view path
    );
    Result<void> dress_directory(
        int parent, const std::string& name, const tar::TarEntry& entry, bool fresh
    );
    Result<void> set_owner(int parent, const std::string& name, const tar::TarEntry& entry);
    Result<void> set_xattrs(int fd, const tar::TarEntry& entry);
    /// How a directory looks that no entry lists.
    [[nodiscard]] tar::TarEntry implied(std::string_view path, bool hidden) const;
    [[nodiscard]] bool owner_differs(const tar::TarEntry& entry) const;
    [[nodiscard]] bool mode_differs(mode_t mode) const;
    void keep(Fd directory, std::string_view path);

    int root_;
    const ApplyOptions& options_;
    ApplyReport& report_;
    uid_t user_;
    gid_t group_;
    mode_t umask_;
    Fd parent_;
    std::string parent_path_;
    bool parent_setgid_ = false;  // then files inherit its group, directories the bit too
    std::map<std::string, Late, std::less<>> late_;
    std::set<std::string, std::less<>> opaque_;  // directories of an overlay that hide lower ones
};

}  // namespace kiln::tree
