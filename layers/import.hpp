#pragma once

#include "layers/layer_builder.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/clock.hpp"

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

/// A plain root file system tar (docker export, mmdebstrap, tar -c of a chroot; any compression) as
/// one canonical layer. Entries may come in any order and with "./" in front; of duplicates the
/// last wins; missing parents are added (0755, root). Of hard links the first in canonical order
/// becomes the file. Mode, owner, mtime, devices and xattrs stay.
/// Shape    the headers are read first, then contents in canonical order out of `spool`, a file
///          that is empty, readable and writable, and takes the uncompressed tar.
/// Errors   those of TarReader; invalid_input for a hard link to nothing and for whiteouts (a root
///          file system has nothing below it); cancelled.
Result<ImportedRoot> import_root_fs(
    ByteSource& tar,
    int spool,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
);

/// The same out of a file that can be read anywhere: a plain tar needs no spool then.
Result<ImportedRoot> import_root_fs_file(
    int tar,
    int spool,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
);

}  // namespace kiln
