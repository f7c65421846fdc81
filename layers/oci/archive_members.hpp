#pragma once

#include "layers/tar/tar_reader.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kiln::oci {

/// Whether the path leads into a directory that stands at the root of file systems ("usr/…") and in
/// no image archive.
bool is_root_directory(std::string_view path);

/// The members of an image archive by name, read out of the tar in place: nothing is unpacked, so
/// no name can lead anywhere.
class ArchiveMembers {
  public:
    struct Member {
        std::uint64_t offset = 0;
        std::uint64_t size_bytes = 0;
    };

    /// `tar_fd` is plain and outlives the members. nullopt when a directory shows early on that
    /// this is a root file system.
    /// Errors   those of TarReader.
    static Result<std::optional<ArchiveMembers>> scan(
        int tar_fd, const tar::TarReaderLimits& limits, std::stop_token stop
    );

    /// Follows links inside the archive (docker save before 25 links equal layers).
    /// Errors   not_found; invalid_input for a path or link that leaves the archive, and for loops.
    [[nodiscard]] Result<Member> find(std::string_view path) const;
    [[nodiscard]] bool contains(std::string_view path) const;
    /// Whether any member has this name as its last component: "layer.tar".
    [[nodiscard]] bool contains_name(std::string_view name) const;

    /// A whole small member. Errors: too_large beyond the limit.
    [[nodiscard]] Result<Bytes> read(std::string_view path, std::size_t limit_bytes) const;

    [[nodiscard]] FdSource source(const Member& member) const {
        return FdSource(tar_fd_, member.offset, member.size_bytes);
    }

  private:
    struct Node {
        Member member;
        std::optional<std::string> link;  // a member's name, already from the archive's root
    };

    explicit ArchiveMembers(int tar_fd)
        : tar_fd_(tar_fd) {}

    int tar_fd_;
    std::map<std::string, Node, std::less<>> nodes_;
};

}  // namespace kiln::oci
