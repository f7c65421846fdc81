#pragma once

#include "daemon/build/installation.hpp"
#include "daemon/build/sbom_format.hpp"
#include "store/records.hpp"

#include <string>
#include <vector>

namespace kiln::daemon {

/// The bill of materials of an image, from the image alone. The same image gives the same document
/// whatever its names are: it is called by its org.opencontainers.image.title, or else by its
/// digest. `subject` is its manifest as the reader has it: another than the stored one where layers
/// were dressed anew on the way out.
Result<std::string> render_sbom(
    Installation& installation, const Digest& subject, SbomFormat format
);

/// Makes the document and the manifest that attaches it to `subject` (image-spec manifest.md,
/// "Guidelines for Artifact Usage"). Both are in the store, kept by the lease; nothing is recorded.
Result<store::Referrer> make_sbom(
    store::Store& store,
    const store::Lease& lease,
    Installation& installation,
    const Descriptor& subject,
    SbomFormat format
);

/// Attaches a bill of materials to a stored image, unless it has one of this format.
Result<void> attach_sbom(
    store::Store& store, const store::Lease& lease, const Descriptor& image, SbomFormat format
);

/// What goes along with an image that leaves the store as `outgoing`: what refers to it, or, where
/// that is another manifest than the stored `image`, its bills of materials made for that one.
Result<std::vector<store::Referrer>> referrers_for(
    store::Store& store,
    const store::Lease& lease,
    const Descriptor& image,
    const Descriptor& outgoing
);

}  // namespace kiln::daemon
