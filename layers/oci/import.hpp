#pragma once

#include "layers/layer.hpp"
#include "layers/layer_builder.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/clock.hpp"
#include "store/base/pool.hpp"
#include "store/blob_store.hpp"
#include "store/descriptor.hpp"
#include "store/records.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

enum class ArchiveKind : std::uint8_t { docker, oci, rootfs };

constexpr std::string_view archive_kind_name(ArchiveKind kind) {
    switch (kind) {
        case ArchiveKind::docker:
            return "docker";
        case ArchiveKind::oci:
            return "oci";
        case ArchiveKind::rootfs:
            return "rootfs";
    }
    return "rootfs";
}

/// One image that is now in the store: config, manifest and layers, all recomputed from bytes.
struct ImportedImage {
    std::vector<std::string> names;  // as the archive gives them; possibly none
    Descriptor manifest;
    Descriptor config_blob;
    ImageConfig config;
    std::vector<BuiltLayer> layers;               // bottom first, each with its table of contents
    std::vector<store::Referrer> referrers = {};  // what the archive holds about it
};

struct Import {
    ArchiveKind kind = ArchiveKind::rootfs;
    std::vector<ImportedImage> images;
    std::vector<std::string> notices = {};  // what was left out ("dev/log: a socket")
};

struct ImportOptions {
    Platform platform = Platform::host();   // chosen from an index; that of a root file system
    LayerOptions layer = {};                // dress of a root file system's layer
    UnixSeconds created = k_default_epoch;  // of a root file system's config
    tar::TarReaderLimits limits = {};
};

/// Takes the images of an archive into the store: docker-archive (also the dual layout of modern
/// docker save), OCI archive, or a plain root file system, told apart by what is in it. The archive
/// and its layers may be gzip, zstd, xz or bzip2. Every digest, size and diff_id is checked against
/// the bytes; nothing of a failed import stays when `lease` ends.
/// Shape    `archive` is read to its end; `spool_fd` is an empty file, readable and writable, that
///          takes its plain bytes. The layer of a root file system that stands in canonical order
///          is made while it arrives. The manifest of a docker-archive is made here (OCI, layers in
///          the dress they have in the archive).
/// Errors   invalid_input (no manifest, paths, documents), digest_mismatch, corrupt, not_found (a
///          blob that is named but absent; no manifest for the platform), too_large, unsupported.
/// Thread   pool.
Result<Import> import_archive(
    ByteSource& archive,
    int spool_fd,
    store::BlobStore& blobs,
    const store::Lease& lease,
    ThreadPool& pool,
    const ImportOptions& options,
    std::stop_token stop
);

/// The same of a regular file; one that is not compressed is read where it lies, and no spool is
/// filled.
Result<Import> import_archive_file(
    int archive_fd,
    int spool_fd,
    store::BlobStore& blobs,
    const store::Lease& lease,
    ThreadPool& pool,
    const ImportOptions& options,
    std::stop_token stop
);

}  // namespace kiln::oci
