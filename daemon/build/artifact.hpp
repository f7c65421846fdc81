#pragma once

#include "daemon/build/pull.hpp"
#include "layers/oci/manifest.hpp"

namespace kiln::daemon {

/// A small document of an artifact, told from its others by its type: a definition, a lock, a bill
/// of materials.
struct ArtifactDocument {
    std::string media_type;
    std::string text;
};

/// A manifest that is no image (image-spec manifest.md, "Guidelines for Artifact Usage").
struct Artifact {
    std::string artifact_type;
    std::vector<ArtifactDocument> documents;
    oci::Annotations annotations = {};
};

/// Writes the artifact's documents and a manifest that attaches it to `subject`. All of it is in
/// the store, kept by the lease; nothing is recorded: put the Referrer into a Batch for that, or
/// into PushOrder::referrers to send it along once.
Result<store::Referrer> keep_artifact(
    store::Store& store,
    const store::Lease& lease,
    const Artifact& artifact,
    const Descriptor& subject
);

/// Reads one back, whoever made it. Errors   those of Manifest::parse; too_large for a document
/// beyond limits::k_document_bytes.
Result<Artifact> read_artifact(store::Store& store, const store::Referrer& referrer);

}  // namespace kiln::daemon
