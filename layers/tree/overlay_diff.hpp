#pragma once

#include "layers/tree/file_tree.hpp"
#include "store/base/clock.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::tree {

struct OverlayDiffOptions {
    /// Files changed in or after this second get `epoch` as mtime, on disk too, so that a later
    /// step sees the same whether or not this one was cached. nullopt: mtimes stay as they are.
    std::optional<UnixSeconds> step_start;
    UnixSeconds epoch = k_default_epoch;
    /// What the sandbox itself put there to mount on ("etc/resolv.conf", "proc"): left out with all
    /// below, and so are directories made only to hold them.
    std::vector<std::string> ignored;
    /// File capabilities that the kernel wrote for this root of a user namespace (v3) are written
    /// as v2.
    std::uint32_t namespace_root_uid = 0;
};

/// One entry of the new layer. `content` is open for reading at the start of a file's content,
/// closed otherwise.
struct ChangedEntry {
    tar::TarEntry entry;
    Fd content;
};

using ChangedEntrySink = std::function<Result<void>(ChangedEntry change)>;

struct OverlayDiffReport {
    std::uint64_t entries = 0;
    std::vector<std::string> sockets;  // skipped: a layer cannot hold them
};

/// What a step changed, read from the upper directory of its overlay: char device 0:0 becomes a
/// whiteout where the path exists in `lower`, an opaque directory the whiteouts of what it hides.
/// Order     canonical, parents before what they hold. A directory is given when its mode, owner or
///           xattrs changed, when its mtime was set to an earlier time, or something below it is
///           given; a file that was copied up and is still the same is not.
/// Quiet     nothing else writes to the directory meanwhile; its overlay is unmounted or idle.
/// Errors    unsupported for redirect_dir and metacopy; those of reading, and of the sink.
Result<OverlayDiffReport> diff_upper(
    int upper,
    const FileTree& lower,
    const OverlayDiffOptions& options,
    const ChangedEntrySink& sink,
    std::stop_token stop
);

}  // namespace kiln::tree
