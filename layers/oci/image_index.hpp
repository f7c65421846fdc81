#pragma once

#include "layers/oci/manifest.hpp"
#include "store/base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::oci {

/// An image index (image-spec image-index.md), or Docker's manifest list; also the index.json of a
/// layout.
struct ImageIndex {
    std::string media_type = {};  // "" when the document does not say
    std::string artifact_type = {};
    std::vector<LinkedDescriptor> manifests = {};
    std::optional<Descriptor> subject = std::nullopt;
    Annotations annotations = {};
    bool operator==(const ImageIndex&) const = default;

    /// Errors   as Manifest::parse, with k_index_manifests.
    static Result<ImageIndex> parse(ByteSpan bytes);
    [[nodiscard]] std::string render() const;

    /// The manifest that runs best on `wanted`; one without a platform counts when none matches.
    /// Attestations (platform unknown/unknown) never do. nullptr when there is none.
    [[nodiscard]] const LinkedDescriptor* choose(const Platform& wanted) const;
};

}  // namespace kiln::oci
