#pragma once

#include "layers/tar/tar_entry.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::tree {

enum class Whiteouts : std::uint8_t {
    overlay,  // as overlayfs keeps them: char device 0:0, and `opaque_xattr` = "y"
    remove,   // deletes what the directory held before this apply
    refuse,   // invalid_input: what comes is a file system, not a layer
};
enum class Owner : std::uint8_t {
    keep,
    ignore,  // all to the caller, modes kept: an ordinary user's export
};
enum class Devices : std::uint8_t { make, skip };

/// What lies below a layer that is unpacked alone: entries may lean on it without repeating it.
class Below {
  public:
    Below() = default;
    Below(const Below&) = delete;
    Below& operator=(const Below&) = delete;
    virtual ~Below() = default;
    /// A node of the layers below; hard links come as the file they link to.
    virtual std::optional<tar::TarEntry> find(std::string_view path) = 0;
    /// The content of a file that find() gave.
    virtual Result<std::unique_ptr<ByteSource>> open(std::string_view path) = 0;
};

struct ApplyOptions {
    Whiteouts whiteouts = Whiteouts::remove;
    /// "trusted.overlay.opaque" or, for overlays mounted in a user namespace,
    /// "user.overlay.opaque".
    std::string opaque_xattr = "trusted.overlay.opaque";
    Owner owner = Owner::keep;
    Devices devices = Devices::make;
    /// With it, parents that the layer does not list look as they do below, a hard link may name a
    /// file below, which is then copied up, and an overlay gets whiteouts only for what is there.
    /// Without it such parents are 0755 root, and such a link fails.
    Below* below = nullptr;
};

/// An entry, or a part of one, that this directory could not take.
struct Skipped {
    std::string path;
    std::string reason;
};

struct ApplyReport {
    std::uint64_t entries = 0;
    std::uint64_t content_bytes = 0;
    std::vector<Skipped> skipped;  // the first k_skipped_kept of them
    std::uint64_t skipped_count = 0;
};

inline constexpr std::size_t k_skipped_kept = 100;

/// Unpacks entries into a directory. Hostile entries end in an Error: no call follows a symlink,
/// whatever is in an entry's way (a file or symlink where a directory must be, anything where
/// something else must be) is replaced, and hard links join names of this directory only.
/// Order    any; the last of several entries for one path wins; whiteouts never touch what came in
///          the same apply. Owner, xattrs, mode, times are set in this order, times of directories
///          in finish().
/// Xattrs   security.capability and user.*, never overlay's own; the rest is dropped.
/// Errors   invalid_input, too_large, permission, out_of_space; cancelled.
/// Thread   one applier, one thread; nobody else writes below `root` meanwhile. Never calls umask.
class Applier {
  public:
    /// `root` is an open directory; it and options.below outlive the applier.
    Applier(int root, ApplyOptions options, std::stop_token stop);
    Applier(const Applier&) = delete;
    Applier& operator=(const Applier&) = delete;
    ~Applier();

    /// An entry; a file's size_bytes bytes come from `content`.
    Result<void> add(const tar::TarEntry& entry, ByteSource& content);
    /// Times (and the modes that would have shut us out) of directories. Call it once.
    Result<ApplyReport> finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Everything of a tar.
Result<ApplyReport> apply(
    tar::TarReader& reader, int root, ApplyOptions options, std::stop_token stop
);

}  // namespace kiln::tree
