#include "tests/support/check_bundle_document.hpp"

#include "daemon/bundles/document.hpp"

namespace kiln::testing {

void check_bundle_document(ByteSpan bytes) {
    const auto document = daemon::BundleDocument::parse(as_text(bytes));
    if (!document) {
        ASSERT(!document.error().message.empty());
        return;
    }
    ASSERT(document->parts.size() <= daemon::k_bundle_parts);
    for (const oci::LinkedDescriptor& linked : document->manifests) {
        ASSERT(document->find(linked.descriptor.digest) != nullptr);
    }
    for (const daemon::BundledEnvironment& environment : document->environments) {
        ASSERT(document->find(environment.artifact) != nullptr);
    }
    const std::string text = json::render(document->to_json());
    const auto again = daemon::BundleDocument::parse(text);
    ASSERT(again && *again == *document);
    ASSERT(json::render(again->to_json()) == text);
}

}  // namespace kiln::testing
