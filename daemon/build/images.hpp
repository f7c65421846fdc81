#pragma once

#include "daemon/build/image.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The ref that a name means: as typed, or another spelling of the same reference ("debian" is
/// docker.io/library/debian:latest). nullopt when there is none.
Result<std::optional<store::Ref>> find_ref(const store::Store& store, const std::string& name);

/// What a user may call an image: a reference, a digest, or at least 7 hex digits of one that a ref
/// has. Errors   not_found with the nearest name as hint; invalid_input when a prefix fits several.
Result<store::Ref> find_image(store::Store& store, const std::string& name);
/// The manifest of a digest that needs no name. Errors   not_found; corrupt.
Result<Descriptor> find_manifest(store::Store& store, const Digest& digest);

/// Errors   unsupported when the descriptor is an index, corrupt when config and manifest disagree.
Result<Image> load_image(store::Store& store, const Descriptor& manifest);

/// Writes a document unless the store has it: a rebuild in which nothing changed writes nothing.
Result<Descriptor> keep_document(
    store::Store& store,
    const store::Lease& lease,
    std::string_view media_type,
    const std::string& text
);

/// Keeps an image without a name as long as what the cache knows. Nothing is written when it is
/// kept already.
Result<void> keep_nameless(
    store::Store& store,
    const store::Lease& lease,
    const Digest& manifest_digest,
    const oci::Manifest& manifest
);

/// As every manifest of ours has it: Docker's media types become OCI's, the bytes stay.
Descriptor oci_layer(Descriptor layer);

/// The step of each layer as the history tells it; nullopt for the lowest ones where it tells of
/// fewer: those of a base without one.
std::vector<std::optional<std::string>> steps_of_layers(const Image& image);

/// Names an image; another spelling of the same reference is replaced. Nothing is written when it
/// is so already.
Result<void> set_refs(
    store::Store& store, const std::vector<std::string>& names, const Descriptor& manifest
);

}  // namespace kiln::daemon
