#include "daemon/build/artifact.hpp"

#include "daemon/build/images.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"

namespace kiln::daemon {

Result<store::Referrer> keep_artifact(
    store::Store& store,
    const store::Lease& lease,
    const Artifact& artifact,
    const Descriptor& subject
) {
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::k_manifest);
    manifest.artifact_type = artifact.artifact_type;
    manifest.subject = subject;
    manifest.annotations = artifact.annotations;
    store::Referrer referrer{.subject = subject.digest, .artifact_type = artifact.artifact_type};
    for (const ArtifactDocument& document : artifact.documents) {
        TRY_ASSIGN(
            Descriptor kept, keep_document(store, lease, document.media_type, document.text)
        );
        referrer.blobs.push_back(kept.digest);
        manifest.layers.push_back(std::move(kept));
    }
    TRY_ASSIGN(manifest.config, keep_document(store, lease, oci::k_empty, "{}"));
    referrer.blobs.push_back(manifest.config.digest);
    if (manifest.layers.empty()) {
        manifest.layers.push_back(manifest.config);  // the specification wants one
    }
    TRY_ASSIGN(referrer.manifest, keep_document(store, lease, oci::k_manifest, manifest.render()));
    return referrer;
}

Result<Artifact> read_artifact(store::Store& store, const store::Referrer& referrer) {
    const auto read = [&store](const Digest& digest) {
        return store::read_blob(store.blobs(), digest, limits::k_document_bytes);
    };
    TRY_ASSIGN(const Bytes bytes, read(referrer.manifest.digest));
    TRY_ASSIGN(const oci::Manifest manifest, oci::Manifest::parse(bytes));
    Artifact artifact{.artifact_type = referrer.artifact_type, .documents = {}};
    artifact.annotations = manifest.annotations;
    for (const Descriptor& layer : manifest.layers) {
        if (layer.media_type == oci::k_empty) {
            continue;
        }
        TRY_ASSIGN(const Bytes text, read(layer.digest));
        artifact.documents.push_back({layer.media_type, std::string(as_text(text))});
    }
    return artifact;
}

}  // namespace kiln::daemon
