#include "daemon/build/base_memory.hpp"

#include "daemon/build/cache_key.hpp"
#include "daemon/build/images.hpp"
#include "layers/oci/rebase.hpp"

#include <fmt/ranges.h>

#include <map>
#include <utility>

namespace kiln::daemon {
namespace {

constexpr const char* k_base_digest = "org.opencontainers.image.base.digest";
constexpr std::size_t k_named_in_hint = 5;

Digest key_of(const Digest& image) {
    CacheKey key("base-of/1");
    key.add("image", image.render());
    return key.digest();
}

Result<std::optional<Image>> load_if_there(store::Store& store, const Digest& manifest) {
    TRY_ASSIGN(const auto size, store.blobs().size_of(manifest));
    if (!size) {
        return std::optional<Image>();
    }
    TRY_ASSIGN(const store::Ref ref, find_image(store, manifest.render()));
    TRY_ASSIGN(Image image, load_image(store, ref.target));
    return std::optional(std::move(image));
}

Result<std::optional<Image>> remembered(store::Store& store, const Digest& image) {
    TRY_ASSIGN(const auto record, store.index().find_cache(key_of(image)));
    if (!record) {
        return std::optional<Image>();
    }
    TRY_ASSIGN(const Digest base, Digest::parse(record->payload));
    return load_if_there(store, base);
}

Result<std::optional<Image>> annotated(store::Store& store, const Image& image) {
    const auto& annotations = image.manifest.annotations;
    const auto found = annotations.find(k_base_digest);
    const auto base = found == annotations.end()
                          ? std::optional<Digest>()
                          : Digest::parse(found->second)
                                .map([](const Digest& digest) { return std::optional(digest); })
                                .value_or(std::nullopt);
    if (!base) {
        return std::optional<Image>();
    }
    TRY_ASSIGN(auto there, load_if_there(store, *base));
    const bool fits = there && oci::stands_on(image.config, there->config);
    return fits ? std::move(there) : std::optional<Image>();
}

/// By the number of their layers, the names of each.
struct Candidates {
    std::map<std::size_t, Image> images;
    std::vector<std::string> names;
};

Result<Candidates> lower_parts(store::Store& store, const Image& image) {
    Candidates candidates;
    TRY_ASSIGN(const auto refs, store.index().refs());
    for (const store::Ref& ref : refs) {
        auto other = load_image(store, ref.target);
        const bool is_lower = other && !other->config.diff_ids.empty()
                              && other->config.diff_ids.size() < image.config.diff_ids.size()
                              && oci::stands_on(image.config, other->config);
        if (is_lower) {
            candidates.names.push_back(ref.name);
            candidates.images.emplace(other->config.diff_ids.size(), std::move(*other));
        }
    }
    return candidates;
}

}  // namespace

Result<void> remember_base(
    store::Store& store, const store::Lease& lease, const Digest& image, const Image& base
) {
    const Digest key = key_of(image);
    lease.keep(key);
    TRY_ASSIGN(const auto known, store.index().find_cache(key));
    const std::string digest = base.manifest_descriptor.digest.render();
    if (known && known->payload == digest) {
        store.used(key);
        return {};
    }
    store::CacheRecord record{.key = key, .payload = digest};
    record.blobs = {base.manifest_descriptor.digest, base.manifest.config.digest};
    return store.record(store::Batch{.cache = {std::move(record)}});
}

Result<Image> find_base(store::Store& store, const Image& image, const std::string& name) {
    TRY_ASSIGN(auto known, remembered(store, image.manifest_descriptor.digest));
    if (!known) {
        TRY_ASSIGN(known, annotated(store, image));
    }
    if (known) {
        return std::move(*known);
    }
    TRY_ASSIGN(Candidates candidates, lower_parts(store, image));
    if (candidates.images.size() == 1) {
        return std::move(candidates.images.begin()->second);
    }
    if (candidates.images.empty()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("the base that {} stands on is not in the store", name),
            .hint = "take it in with kiln load or kiln pull, or name it with --from"});
    }
    candidates.names.resize(std::min(candidates.names.size(), k_named_in_hint));
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} may stand on any of several images", name),
        .hint = fmt::format(
            "name the one it was built on with --from: {}", fmt::join(candidates.names, ", ")
        )});
}

}  // namespace kiln::daemon
