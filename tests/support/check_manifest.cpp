#include "tests/support/check_manifest.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reachable.hpp"
#include "store/base/limits.hpp"

#include <algorithm>

namespace kiln::testing {
namespace {

Descriptor of_type(std::string_view media_type) {
    Descriptor descriptor;
    descriptor.media_type = std::string(media_type);
    return descriptor;
}

void check_image_manifest(const oci::Manifest& manifest, ByteSpan bytes) {
    const std::string text = manifest.render();
    const auto again = oci::Manifest::parse(as_bytes(text));
    ASSERT(again && *again == manifest && again->render() == text);
    ASSERT(!manifest.layers.empty() && manifest.layers.size() <= limits::k_image_layers);
    const auto found = oci::reachable(of_type(oci::k_manifest), bytes);
    ASSERT(found && std::find(found->begin(), found->end(), manifest.config) != found->end());
    for (const Descriptor& layer : manifest.layers) {
        ASSERT(std::find(found->begin(), found->end(), layer) != found->end());
    }
}

void check_index(const oci::ImageIndex& index, ByteSpan bytes) {
    const std::string text = index.render();
    const auto again = oci::ImageIndex::parse(as_bytes(text));
    ASSERT(again && *again == index && again->render() == text);
    const auto found = oci::reachable(of_type(oci::k_index), bytes);
    ASSERT(found && found->size() == index.manifests.size() + (index.subject ? 1U : 0U));
    const oci::LinkedDescriptor* chosen = index.choose(oci::Platform::host());
    ASSERT(
        chosen == nullptr || !chosen->platform
        || oci::match(oci::Platform::host(), *chosen->platform) > 0
    );
}

}  // namespace

void check_manifest(ByteSpan bytes) {
    const auto manifest = oci::Manifest::parse(bytes);
    const auto index = oci::ImageIndex::parse(bytes);
    ASSERT(!(manifest && index));
    if (manifest) {
        check_image_manifest(*manifest, bytes);
    }
    if (index) {
        check_index(*index, bytes);
    }
    static_cast<void>(oci::reachable({}, bytes));
    static_cast<void>(oci::check_layout(bytes));
}

}  // namespace kiln::testing
