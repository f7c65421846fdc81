#include "daemon/build/images.hpp"

#include "daemon/build/cache_key.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reference.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

constexpr std::size_t k_shortest_prefix = 7;

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// How far two names are apart, for hints.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
        }
    }
    return row.back();
}

std::string nearest_name_hint(const std::vector<store::Ref>& refs, const std::string& name) {
    const auto nearest =
        std::min_element(refs.begin(), refs.end(), [&](const auto& a, const auto& b) {
            return edit_distance(a.name, name) < edit_distance(b.name, name);
        });
    if (nearest == refs.end()) {
        return "the store holds no image yet; take one in with kiln load";
    }
    return edit_distance(nearest->name, name) <= 3
               ? fmt::format("did you mean {}?", nearest->name)
               : "kiln images lists what is there; kiln load takes images in";
}

Result<store::Ref> find_by_digest(store::Store& store, const Digest& digest) {
    TRY_ASSIGN(const auto refs, store.index().refs());
    for (const store::Ref& ref : refs) {
        if (ref.target.digest == digest) {
            return ref;
        }
    }
    TRY_ASSIGN(Descriptor manifest, find_manifest(store, digest));
    return store::Ref{.name = "", .target = std::move(manifest)};
}

Result<std::optional<store::Ref>> find_by_prefix(
    const store::Store& store, const std::string& name
) {
    const std::string hex = name.starts_with("sha256:") ? name.substr(7) : name;
    if (hex.size() < k_shortest_prefix || !is_hex(hex)) {
        return std::optional<store::Ref>();
    }
    TRY_ASSIGN(const auto refs, store.index().refs());
    std::optional<store::Ref> found;
    for (const store::Ref& ref : refs) {
        if (!ref.target.digest.hex().starts_with(hex)) {
            continue;
        }
        if (found && found->target.digest != ref.target.digest) {
            return fail(Code::invalid_input, "{} is the beginning of several digests", name);
        }
        found = ref;
    }
    return found;
}

}  // namespace

Result<std::optional<store::Ref>> find_ref(const store::Store& store, const std::string& name) {
    TRY_ASSIGN(auto exact, store.index().find_ref(name));
    if (exact) {
        return exact;
    }
    const auto wanted = oci::Reference::parse(name);
    if (!wanted) {
        return std::optional<store::Ref>();
    }
    TRY_ASSIGN(auto refs, store.index().refs());
    for (store::Ref& ref : refs) {
        const auto reference = oci::Reference::parse(ref.name);
        if (reference && reference->with_default_tag() == wanted->with_default_tag()) {
            return std::optional(std::move(ref));
        }
    }
    return std::optional<store::Ref>();
}

Result<Descriptor> find_manifest(store::Store& store, const Digest& digest) {
    TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
    if (!size || *size > limits::k_document_bytes) {
        return fail(Code::not_found, "image {} is not in the store", digest.render());
    }
    TRY_ASSIGN(
        const Bytes bytes, store::read_blob(store.blobs(), digest, limits::k_document_bytes)
    );
    TRY_ASSIGN(
        const auto manifest, oci::Manifest::parse(bytes), "while reading {}", digest.render()
    );
    const std::string type =
        manifest.media_type.empty() ? std::string(oci::k_manifest) : manifest.media_type;
    return Descriptor{type, digest, *size};
}

Result<store::Ref> find_image(store::Store& store, const std::string& name) {
    if (const auto digest = Digest::parse(name)) {
        return find_by_digest(store, *digest);
    }
    TRY_ASSIGN(auto named, find_ref(store, name));
    if (named) {
        return std::move(*named);
    }
    TRY_ASSIGN(auto prefixed, find_by_prefix(store, name));
    if (prefixed) {
        return std::move(*prefixed);
    }
    if (const auto reference = oci::Reference::parse(name); reference && reference->digest()) {
        return find_by_digest(store, *reference->digest());
    }
    TRY_ASSIGN(const auto refs, store.index().refs());
    return fail(Error{
        .code = Code::not_found,
        .message = fmt::format("image {} is not in the store", name),
        .hint = nearest_name_hint(refs, name)});
}

Result<Image> load_image(store::Store& store, const Descriptor& manifest) {
    if (oci::kind_of(manifest.media_type) == oci::DocumentKind::index) {
        return fail(
            Code::unsupported, "{} is an index of several images", manifest.digest.render()
        );
    }
    Image image{.manifest_descriptor = manifest, .manifest = {}, .config = {}};
    TRY_ASSIGN(
        const Bytes bytes,
        store::read_blob(store.blobs(), manifest.digest, limits::k_document_bytes)
    );
    TRY_ASSIGN(image.manifest, oci::Manifest::parse(bytes));
    TRY_ASSIGN(
        const Bytes config,
        store::read_blob(store.blobs(), image.manifest.config.digest, limits::k_document_bytes)
    );
    TRY_ASSIGN(image.config, oci::ImageConfig::parse(config));
    if (image.config.diff_ids.size() != image.manifest.layers.size()) {
        return fail(
            Code::corrupt,
            "image {} has {} layers and {} diff_ids",
            manifest.digest.render(),
            image.manifest.layers.size(),
            image.config.diff_ids.size()
        );
    }
    return image;
}

Result<Descriptor> keep_document(
    store::Store& store,
    const store::Lease& lease,
    std::string_view media_type,
    const std::string& text
) {
    const Digest digest = digest_of(text);
    lease.keep(digest);
    TRY_ASSIGN(const auto size, store.blobs().size_of(digest));
    if (!size) {
        TRY(store::write_blob(store.blobs(), lease, as_bytes(text)));
    }
    return Descriptor{std::string(media_type), digest, text.size()};
}

Result<void> keep_nameless(
    store::Store& store,
    const store::Lease& lease,
    const Digest& manifest_digest,
    const oci::Manifest& manifest
) {
    CacheKey key("image/1");
    key.add("manifest", manifest_digest.render());
    lease.keep(key.digest());
    TRY_ASSIGN(const auto known, store.index().find_cache(key.digest()));
    if (known) {
        store.used(key.digest());
        return {};
    }
    store::CacheRecord record{.key = key.digest()};
    record.blobs = {manifest_digest, manifest.config.digest};
    for (const Descriptor& layer : manifest.layers) {
        record.blobs.push_back(layer.digest);
    }
    return store.record(store::Batch{.cache = {std::move(record)}});
}

Descriptor oci_layer(Descriptor layer) {
    if (const auto compression = oci::layer_compression(layer.media_type)) {
        layer.media_type = std::string(oci::layer_media_type(*compression));
    }
    return layer;
}

std::vector<std::optional<std::string>> steps_of_layers(const Image& image) {
    std::vector<std::optional<std::string>> steps;
    for (const oci::HistoryEntry& entry : image.config.history) {
        if (!entry.empty_layer) {
            steps.emplace_back(entry.created_by);
        }
    }
    const std::size_t count = image.config.diff_ids.size();
    const std::size_t untold = count - std::min(count, steps.size());
    steps.insert(steps.begin(), untold, std::nullopt);
    steps.resize(count);
    return steps;
}

Result<void> set_refs(
    store::Store& store, const std::vector<std::string>& names, const Descriptor& manifest
) {
    store::Batch batch;
    for (const std::string& name : names) {
        TRY_ASSIGN(const auto existing, find_ref(store, name));
        if (existing && existing->name == name && existing->target == manifest) {
            continue;
        }
        if (existing && existing->name != name) {
            batch.removed_refs.push_back(existing->name);
        }
        batch.refs.push_back(store::Ref{.name = name, .target = manifest});
    }
    return batch.refs.empty() ? Result<void>() : store.record(batch);
}

}  // namespace kiln::daemon
