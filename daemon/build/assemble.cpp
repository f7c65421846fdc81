// BuildRun, the last part: layers, config and manifest become an image with names.

#include "daemon/build/base_memory.hpp"
#include "daemon/build/build_run.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/media_type.hpp"

namespace kiln::daemon {
namespace {

Result<Descriptor> describe_layer(const LayerWriting& writing, const ChainLayer& layer) {
    if (layer.descriptor) {
        return oci_layer(*layer.descriptor);
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
    const Image* base = nullptr;  // the graph's; none for scratch
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

/// The image at the bottom of a stage; nullptr for scratch and the like.
const Image* base_of(const BuildGraph& graph, const Stage& stage) {
    if (const auto* other = std::get_if<StageOrigin>(&stage.base)) {
        return base_of(graph, graph.stages[other->stage]);
    }
    return std::get_if<Image>(&stage.base);
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
        TRY(keep_nameless(store, lease, image.manifest.digest, manifest));
    }
    if (assembly.base != nullptr) {
        TRY(remember_base(store, lease, image.manifest.digest, *assembly.base));
    }
    if (assembly.request.sbom) {
        TRY(attach_sbom(store, lease, image.manifest, *assembly.request.sbom),
            "while making the bill of materials");
    }
    return image;
}

}  // namespace

boost::asio::awaitable<Result<BuiltImage>> BuildRun::assemble() {
    const StageResult& result = **results_.back();
    const Stage& target = *result.planned;
    Assembly assembly{writing(), result.chain, request_, target.config, base_of(graph_, target)};
    auto work = [owned = std::move(assembly)] { return assemble_image(owned); };
    co_return co_await run_on(services_.pool, std::move(work));
}

}  // namespace kiln::daemon
