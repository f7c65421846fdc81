#include "tests/support/check_reference.hpp"

#include "layers/oci/reference.hpp"

namespace kiln::testing {

void check_reference(ByteSpan bytes) {
    const std::string_view text = as_text(bytes);
    const auto reference = oci::Reference::parse(text);
    if (!reference) {
        ASSERT(!reference.error().message.empty());
        return;
    }
    ASSERT(reference->typed() == text);
    ASSERT(reference->path().size() <= oci::k_reference_path_bytes);
    ASSERT(!reference->tag() || reference->tag()->size() <= oci::k_reference_tag_bytes);
    ASSERT(reference->path().find("..") == std::string::npos);
    const auto full = oci::Reference::parse(reference->render());
    const auto familiar = oci::Reference::parse(reference->familiar());
    ASSERT(full && *full == *reference);
    ASSERT(familiar && *familiar == *reference);
    const oci::Reference key = reference->with_default_tag();
    ASSERT(key.tag().has_value() != key.digest().has_value());
    ASSERT(key.with_default_tag() == key);
    const auto parts = oci::split_reference(reference->render());
    ASSERT(parts && parts->domain == reference->domain() && parts->path == reference->path());
}

}  // namespace kiln::testing
