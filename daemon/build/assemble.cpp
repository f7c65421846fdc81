// BuildRun, the last part: layers, config and manifest become an image with names.

#include "daemon/build/build_run.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/media_type.hpp"

namespace kiln::daemon {
namespace {

/// A base's layer keeps its bytes; only Docker's media types become OCI's.
Descriptor oci_descriptor(const Descriptor& layer) {
    const auto compression = oci::layer_compression(layer.media_type);
    Descriptor converted = layer;
    if (compression) {
        converted.media_type = std::string(oci::layer_media_type(*compression));
    }
    return converted;
}

Result<Descriptor> describe_layer(const LayerWriting& writing, const ChainLayer& layer) {
    if (layer.descriptor) {
        return oci_descriptor(*layer.descriptor);
    }
    TRY_ASSIGN(const Dress dress, dress_layer(writing, layer.diff_id));
    return Descriptor{
        std::string(oci::layer_media_type(dress.compression)), dress.digest, dress.size_bytes};
}

struct Assembly {
    LayerWriting writing;
    Chain chain;
    const BuildRequest& request;
    oci::ImageConfig config;
};

/// image-spec manifest.md wants at least one layer: an image of nothing but a config gets an empty
/// tar.
Result<void> add_empty_layer(Assembly& assembly) {
    const LayerWriting& writing = assembly.writing;
    TRY_ASSIGN(
        const auto blob, writing.store.blobs().begin(writing.lease, store::HashedBy::caller)
    );
    LayerBuilder builder(writing.options, writing.pool, *blob, writing.stop);
    TRY_ASSIGN(const BuiltLayer built, builder.finish());
    TRY(blob->commit(built.layer.dress.digest));
    TRY(writing.store.tables().put(built.layer.diff_id, built.table, writing.lease));
    TRY(writing.store.record(store::Batch{.layers = {facts_of(built, "empty layer")}}));
    assembly.chain.layers.push_back(ChainLayer{built.layer.diff_id});
    assembly.chain.history.push_back(oci::HistoryEntry{
        .created = render_time(assembly.request.epoch),
        .created_by = "empty layer",
        .comment = "kiln"});
    return {};
}

/// Without a name the image lives as long as the cache does.
Result<void> keep_nameless(
    store::Store& store,
    const store::Lease& lease,
    const BuiltImage& image,
    const oci::Manifest& manifest
) {
    CacheKey key("image/1");
    key.add("manifest", image.manifest.digest.render());
    lease.keep(key.digest());
    TRY_ASSIGN(const auto known, store.index().find_cache(key.digest()));
    if (known) {
        store.used(key.digest());
        return {};
    }
    store::CacheRecord record{.key = key.digest()};
    record.blobs = {image.manifest.digest, image.config.digest};
    for (const Descriptor& layer : manifest.layers) {
        record.blobs.push_back(layer.digest);
    }
    return store.record(store::Batch{.cache = {std::move(record)}});
}

Result<BuiltImage> assemble_image(Assembly assembly) {
    store::Store& store = assembly.writing.store;
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::k_manifest);
    if (assembly.chain.layers.empty()) {
        TRY(add_empty_layer(assembly));
    }
    for (const ChainLayer& layer : assembly.chain.layers) {
        TRY_ASSIGN(Descriptor descriptor, describe_layer(assembly.writing, layer));
        manifest.layers.push_back(std::move(descriptor));
    }
    assembly.config.diff_ids = assembly.chain.diff_ids();
    assembly.config.history = assembly.chain.history;
    assembly.config.created = render_time(assembly.request.epoch);
    const store::Lease& lease = assembly.writing.lease;
    TRY_ASSIGN(
        manifest.config, keep_document(store, lease, oci::k_config, assembly.config.render())
    );
    manifest.annotations = assembly.request.annotations;
    BuiltImage image;
    image.config = manifest.config;
    TRY_ASSIGN(image.manifest, keep_document(store, lease, oci::k_manifest, manifest.render()));
    if (!assembly.request.tags.empty()) {
        TRY(set_refs(store, assembly.request.tags, image.manifest));
    } else {
        TRY(keep_nameless(store, lease, image, manifest));
    }
    if (assembly.request.sbom) {
        TRY(attach_sbom(store, lease, image.manifest, *assembly.request.sbom),
            "while making the bill of materials");
    }
    return image;
}

}  // namespace

boost::asio::awaitable<Result<BuiltImage>> BuildRun::assemble(const Stage& target) {
    const StageResult& result = **results_.back();
    Assembly assembly{writing(), result.chain, request_, target.config};
    auto work = [owned = std::move(assembly)] { return assemble_image(owned); };
    co_return co_await run_on(services_.pool, std::move(work));
}

}  // namespace kiln::daemon
