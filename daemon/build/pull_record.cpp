#include "daemon/build/pull_record.hpp"

#include "daemon/build/cache_key.hpp"
#include "store/base/json.hpp"

namespace kiln::daemon {
namespace {

constexpr const char* k_what = "the record of a pull";

Digest key_of(const oci::Reference& reference) {
    CacheKey key("pulled/1");
    key.add("name", reference.with_default_tag().render());
    return key.digest();
}

}  // namespace

store::CacheRecord record_of_pull(const oci::Reference& reference, const PullRecord& pull) {
    const json::Object payload{
        {"media_type", pull.named.media_type},
        {"digest", pull.named.digest.render()},
        {"size_bytes", pull.named.size_bytes},
        {"manifest", pull.manifest.render()}};
    return {.key = key_of(reference), .payload = json::render(payload)};
}

Result<std::optional<PullRecord>> find_pull(
    const store::Store& store, const std::string& reference
) {
    TRY_ASSIGN(const auto parsed, oci::Reference::parse(reference));
    TRY_ASSIGN(const auto record, store.index().find_cache(key_of(parsed)));
    if (!record) {
        return std::optional<PullRecord>();
    }
    TRY_ASSIGN(const json::Value value, json::parse(record->payload, k_what));
    json::ObjectReader in(value, k_what);
    PullRecord pull;
    pull.named.media_type = in.text("media_type");
    pull.named.size_bytes = in.number("size_bytes");
    TRY_ASSIGN(pull.named.digest, Digest::parse(in.text("digest")));
    TRY_ASSIGN(pull.manifest, Digest::parse(in.text("manifest")));
    TRY(in.finish(json::UnknownFields::refuse));
    pull.when = record->created;
    return std::optional(std::move(pull));
}

}  // namespace kiln::daemon
