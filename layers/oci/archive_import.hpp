#pragma once

#include "layers/oci/archive_members.hpp"
#include "layers/oci/import.hpp"
#include "layers/oci/layer_intake.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace kiln::oci {

/// More images in one archive are hostile: each costs a config and a manifest.
inline constexpr std::size_t k_archive_images = 1000;
/// An index of indexes is seen; deeper is a trick.
inline constexpr std::size_t k_index_depth = 4;

inline constexpr std::string_view k_docker_manifest_name = "manifest.json";

/// Where the parts of one import put what they find. Internal to import*.cpp.
struct Intake {
    store::BlobStore& blobs;
    const store::Lease& lease;
    const ImportOptions& options;
    std::stop_token stop;
    /// Layers that images of one archive share are read once.
    std::map<Digest, BuiltLayer> by_diff_id = {};

    Result<BuiltLayer> take(ByteSource& bytes, const ExpectedLayer& expected) {
        return take_layer(bytes, expected, blobs, lease, options.limits, stop);
    }
};

/// Writes the config as it is given, and an OCI manifest for it and image.layers; fills in both
/// descriptors.
Result<void> store_documents(ImportedImage& image, ByteSpan config, const Intake& intake);

/// The images that manifest.json names.
Result<std::vector<ImportedImage>> take_docker_images(
    const ArchiveMembers& members, Intake& intake
);

/// The images that index.json leads to; what is none is told in `notices`.
Result<std::vector<ImportedImage>> take_layout_images(
    const ArchiveMembers& members, Intake& intake, std::vector<std::string>& notices
);

}  // namespace kiln::oci
