#pragma once

#include "layers/layer_builder.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/clock.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln {

struct ImportOptions {
    LayerOptions layer = {};
    UnixSeconds epoch = k_default_epoch;  // mtime of directories that the tar lacks
    tar::TarReaderLimits limits = {};
};

struct ImportedRoot {
    BuiltLayer layer;
    std::vector<std::string> notices;  // what was left out, for people ("dev/log: a socket")
};

/// A root file system tar (docker export, mmdebstrap, tar -c of a chroot) as one canonical layer.
/// Entries may come in any order and with "./" in front; of duplicates the last wins; missing
/// parents are added (0755, root). Of hard links the first in canonical order becomes the file.
/// Mode, owner, mtime, devices and xattrs stay.
/// Shape    the headers are read first, then contents in canonical order; `tar` is a file that can
///          be read anywhere, uncompressed.
/// Errors   those of TarReader; invalid_input for a hard link to nothing and for whiteouts (a root
///          file system has nothing below it); cancelled.
Result<ImportedRoot> import_root_fs(
    int tar,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    const std::stop_token& stop
);

/// The same layer in one pass while an uncompressed tar comes in, as long as its entries stand in
/// canonical order already and are `wanted`; nullopt when not, and then `blob` is void.
/// Errors   those above; what is wrong with an entry is told by import_root_fs() alone.
Result<std::optional<ImportedRoot>> import_ordered_root_fs(
    ByteSource& tar,
    const ImportOptions& options,
    const std::function<bool(const tar::TarEntry&)>& wanted,
    ThreadPool& pool,
    ByteSink& blob,
    const std::stop_token& stop
);

}  // namespace kiln
