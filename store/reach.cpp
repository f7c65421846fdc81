#include "store/base/limits.hpp"
#include "store/store_state.hpp"

namespace kiln::store {

Result<std::set<Digest>> reached_from(
    BlobStore& blobs, const Reaches& reaches, const Descriptor& from
) {
    std::set<Digest> reached;
    std::vector<Descriptor> rest{from};
    while (!rest.empty()) {
        const Descriptor descriptor = std::move(rest.back());
        rest.pop_back();
        if (!reached.insert(descriptor.digest).second || !reaches
            || !descriptor.media_type.ends_with("json")) {
            continue;
        }
        TRY_ASSIGN(const auto size_bytes, blobs.size_of(descriptor.digest));
        if (!size_bytes) {
            continue;  // one platform of many may be all that is here
        }
        TRY_ASSIGN(
            const Bytes bytes, read_blob(blobs, descriptor.digest, limits::k_document_bytes)
        );
        TRY_ASSIGN(
            std::vector<Descriptor> next,
            reaches(descriptor, bytes),
            "while looking what {} reaches",
            descriptor.digest.render()
        );
        rest.insert(rest.end(), next.begin(), next.end());
    }
    return reached;
}

}  // namespace kiln::store
