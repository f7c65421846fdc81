#pragma once

#include "layers/tar/tar_reader.hpp"
#include "store/blob_store.hpp"
#include "store/descriptor.hpp"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::oci {

/// One thing in an image that is not as its documents say.
struct Mismatch {
    std::string what;  // "layer 3 of sha256:aa…"
    std::optional<Digest> digest;
    std::string detail;  // "its diff_id is sha256:bb…, the config says sha256:cc…"
    bool operator==(const Mismatch&) const = default;
};

/// Recomputes an image from its bytes and shares no code path with the writers: digest and size of
/// each blob, diff_id of each layer, readable tar, config against manifest against history, media
/// types against content. An index is followed to all its image manifests.
/// Shape    everything that is wrong, in the order of the documents; empty: the image is whole.
/// Errors   cancelled, and a disk that cannot be read; never the image's own faults.
Result<std::vector<Mismatch>> validate_image(
    store::BlobStore& blobs, const Descriptor& image, std::stop_token stop
);

}  // namespace kiln::oci
