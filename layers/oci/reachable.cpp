#include "layers/oci/reachable.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/json.hpp"
#include "store/base/limits.hpp"

namespace kiln::oci {
namespace {

/// What an untyped blob is, as far as marking cares.
DocumentKind sniff(ByteSpan bytes) {
    const bool may_be = !bytes.empty() && bytes.size() <= limits::k_document_bytes;
    if (!may_be || as_text(bytes).find_first_of('{') == std::string_view::npos) {
        return DocumentKind::other;
    }
    const auto value = json::parse(as_text(bytes), "the document");
    if (!value || !value->is_object()) {
        return DocumentKind::other;
    }
    if (value->get_object().contains("manifests")) {
        return DocumentKind::index;
    }
    return value->get_object().contains("layers") ? DocumentKind::manifest : DocumentKind::other;
}

}  // namespace

Result<std::vector<Descriptor>> reachable(const Descriptor& descriptor, ByteSpan bytes) {
    std::vector<Descriptor> found;
    DocumentKind kind = kind_of(descriptor.media_type);
    if (kind == DocumentKind::other) {
        kind = sniff(bytes);
    }
    if (kind == DocumentKind::manifest) {
        TRY_ASSIGN(Manifest manifest, Manifest::parse(bytes));
        found = std::move(manifest.layers);
        found.push_back(std::move(manifest.config));
        if (manifest.subject) {
            found.push_back(std::move(*manifest.subject));
        }
    } else if (kind == DocumentKind::index) {
        TRY_ASSIGN(ImageIndex index, ImageIndex::parse(bytes));
        for (LinkedDescriptor& linked : index.manifests) {
            found.push_back(std::move(linked.descriptor));
        }
        if (index.subject) {
            found.push_back(std::move(*index.subject));
        }
    }
    return found;
}

}  // namespace kiln::oci
