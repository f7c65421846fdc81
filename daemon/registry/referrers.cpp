#include "daemon/registry/referrers.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/media_type.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::registry {

std::string referrers_tag(const Digest& subject) {
    return "sha256-" + subject.hex();
}

Result<std::optional<std::string>> with_referrer(
    std::string_view index, const oci::LinkedDescriptor& referrer
) {
    oci::ImageIndex listed;
    if (!index.empty()) {
        auto parsed = oci::ImageIndex::parse(as_bytes(index));
        if (!parsed) {
            Error error = std::move(parsed).error();
            error.code = Code::upstream;
            error.where.reset();
            return fail(std::move(error));
        }
        listed = std::move(*parsed);
    }
    const auto same = [&referrer](const oci::LinkedDescriptor& entry) {
        return entry.descriptor.digest == referrer.descriptor.digest;
    };
    if (std::any_of(listed.manifests.begin(), listed.manifests.end(), same)) {
        return std::optional<std::string>();
    }
    listed.media_type = std::string(oci::k_index);
    listed.manifests.push_back(referrer);
    return std::optional(listed.render());
}

Awaitable<Result<void>> list_referrer(
    Uploader& uploader, Digest subject, oci::LinkedDescriptor referrer
) {
    const std::string tag = referrers_tag(subject);
    const auto present = co_await uploader.get_index(tag);
    if (!present) {
        co_return fail(present.error());
    }
    const auto index = with_referrer(present->value_or(""), referrer);
    if (!index) {
        Error error = index.error();
        co_return fail(std::move(error).with_trail("reading what the tag " + tag + " names"));
    }
    if (!*index) {
        co_return Result<void>();
    }
    const std::string type(oci::k_index);
    const Digest digest = digest_of(**index);
    const auto put = co_await uploader.put_manifest(tag, type, **index, digest);
    if (!put) {
        co_return fail(put.error());
    }
    co_return Result<void>();
}

}  // namespace kiln::registry
