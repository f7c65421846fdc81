#pragma once

#include "layers/compress/compression.hpp"
#include "layers/oci/manifest.hpp"
#include "store/base/bytes.hpp"
#include "store/base/clock.hpp"
#include "store/blob_store.hpp"
#include "store/descriptor.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::oci {

enum class ArchiveFormat : std::uint8_t {
    oci,     // a layout: oci-layout, index.json, blobs
    docker,  // the same, with manifest.json beside it, as docker save writes since 25
};

struct ExportImage {
    std::vector<std::string> names;  // references as typed; manifest.json gets them with a tag
    Descriptor manifest;             // an image manifest in the store
};

struct ExportOptions {
    ArchiveFormat format = ArchiveFormat::oci;
    /// nullopt: layers as they are stored, and the stored manifest unless the format is docker,
    /// which uncompresses (docker load takes nothing but tar, gzip and zstd, 20.10 no zstd).
    std::optional<Compression> compression = std::nullopt;
    UnixSeconds mtime = k_default_epoch;
};

/// A layer in a dress, ready to be read.
struct OpenedLayer {
    Descriptor descriptor;
    std::unique_ptr<ByteSource> bytes;  // exactly descriptor.size_bytes
};

/// Gives a layer of the store in the wanted dress: from the index of dresses, or made now.
/// `Compression::none` need not be stored: its digest is the diff_id and its size is on record.
using OpenLayer = std::function<
    Result<OpenedLayer>(const Descriptor& layer, const Digest& diff_id, Compression wanted)>;

/// What refers to an image: manifests with their artifact types, all of whose blobs are stored.
/// Asked with the image's manifest as the archive holds it, which is another than the stored one
/// where layers got another dress.
using Referring = std::function<
    Result<std::vector<LinkedDescriptor>>(const Descriptor& stored, const Descriptor& written)>;

/// Writes images as one archive. The same images and options give the same bytes. A layer that two
/// images share is written once.
/// Errors   invalid_input (two images of one name), not_found, those of the functions and the sink;
///          cancelled.
/// Thread   pool.
Result<void> export_archive(
    const std::vector<ExportImage>& images,
    const ExportOptions& options,
    store::BlobStore& blobs,
    const OpenLayer& open_layer,
    const Referring& referring,
    ByteSink& out,
    std::stop_token stop
);

}  // namespace kiln::oci
