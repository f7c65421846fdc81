#include "daemon/build/push.hpp"

#include "daemon/build/images.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/build/registry_access.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <set>

namespace kiln::daemon {
namespace {

/// An image as it will be in the registry: the stored one, or with layers in another dress.
struct Outgoing {
    std::string manifest;
    Descriptor descriptor;
    std::vector<Descriptor> layers;
    Descriptor config;
    std::vector<registry::PushReferrer> referrers = {};
    std::map<Digest, std::string> sources = {};  // repositories that may have a layer
};

registry::PushBlob blob_of(store::Store& store, const Descriptor& descriptor) {
    registry::PushBlob blob;
    blob.descriptor = descriptor;
    blob.open = [&store, digest = descriptor.digest]() -> Result<Fd> {
        TRY_ASSIGN(store::BlobReader reader, store.blobs().open(digest));
        return reader.release_fd();
    };
    return blob;
}

/// What refers to the image, with all that it is made of.
Result<std::vector<registry::PushReferrer>> outgoing_referrers(
    const LayerWriting& writing, const PushOrder& order, const Descriptor& outgoing
) {
    store::Store& store = writing.store;
    TRY_ASSIGN(auto known, referrers_for(store, writing.lease, order.source, outgoing));
    for (const store::Referrer& each : order.referrers) {
        if (each.subject == outgoing.digest) {
            known.push_back(each);
        }
    }
    std::vector<registry::PushReferrer> referrers;
    for (const store::Referrer& each : known) {
        registry::PushReferrer& referrer = referrers.emplace_back();
        referrer.manifest = {.descriptor = each.manifest, .artifact_type = each.artifact_type};
        TRY_ASSIGN(
            const Bytes text,
            store::read_blob(store.blobs(), each.manifest.digest, limits::k_document_bytes)
        );
        referrer.text = std::string(as_text(text));
        TRY_ASSIGN(const auto manifest, oci::Manifest::parse(text));
        // distribution-spec 1.1, "Pushing Manifests with Subject": all of them are copied.
        referrer.manifest.annotations = manifest.annotations;
        for (const Descriptor& layer : manifest.layers) {
            referrer.blobs.push_back(blob_of(store, layer));
        }
        referrer.blobs.push_back(blob_of(store, manifest.config));
    }
    return referrers;
}

Result<Outgoing> prepare_image(const LayerWriting& writing, const PushOrder& order) {
    store::Store& store = writing.store;
    writing.lease.keep(order.source);
    TRY_ASSIGN(const Image image, load_image(store, order.source));
    TRY_ASSIGN(
        const Bytes stored,
        store::read_blob(store.blobs(), order.source.digest, limits::k_document_bytes)
    );
    Outgoing outgoing{
        std::string(as_text(stored)), order.source, image.manifest.layers, image.manifest.config};
    if (!order.compression) {
        return outgoing;
    }
    oci::Manifest manifest = image.manifest;
    bool changed = false;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        const auto worn = oci::layer_compression(manifest.layers[i].media_type);
        const bool wanted = worn == order.compression;
        // Unforced, only plain tars are dressed: what others compressed is left to them.
        if (wanted || (!order.force_compression && worn != Compression::none)) {
            continue;
        }
        LayerWriting dressing = writing;
        dressing.options = LayerOptions{*order.compression, std::nullopt};
        TRY_ASSIGN(const Dress dress, dress_layer(dressing, image.config.diff_ids[i]));
        manifest.layers[i] = Descriptor{
            std::string(oci::layer_media_type(dress.compression)), dress.digest, dress.size_bytes};
        changed = true;
    }
    if (changed) {
        outgoing.manifest = manifest.render();
        outgoing.descriptor.digest = digest_of(outgoing.manifest);
        outgoing.descriptor.size_bytes = outgoing.manifest.size();
        outgoing.layers = manifest.layers;
    }
    return outgoing;
}

/// Repositories of the destination's registry that have a layer, as names in the store tell: what
/// bears such a name came from there or went there. Nobody vouches for it; a registry that has
/// nothing to mount takes the bytes.
std::map<Digest, std::string> find_sources(
    store::Store& store, const oci::Reference& destination, const std::vector<Descriptor>& layers
) {
    std::map<Digest, std::string> sources;
    std::set<Digest> wanted;
    for (const Descriptor& layer : layers) {
        wanted.insert(layer.digest);
    }
    for (const store::Ref& ref : store.index().refs().value_or(std::vector<store::Ref>())) {
        const auto name = oci::Reference::parse(ref.name);
        const bool elsewhere =
            name && name->domain() == destination.domain() && name->path() != destination.path();
        if (!elsewhere) {
            continue;
        }
        const auto image = load_image(store, ref.target);
        if (!image) {
            continue;
        }
        for (const Descriptor& layer : image->manifest.layers) {
            if (wanted.contains(layer.digest)) {
                sources.emplace(layer.digest, name->path());
            }
        }
    }
    return sources;
}

Result<Outgoing> prepare(
    const LayerWriting& writing, const PushOrder& order, const oci::Reference& destination
) {
    TRY_ASSIGN(Outgoing outgoing, prepare_image(writing, order));
    TRY_ASSIGN(outgoing.referrers, outgoing_referrers(writing, order, outgoing.descriptor));
    outgoing.sources = find_sources(writing.store, destination, outgoing.layers);
    return outgoing;
}

}  // namespace

boost::asio::awaitable<Result<Descriptor>> push_image(
    Services& services, std::shared_ptr<Job> job, PushOrder order
) {
    const auto destination = oci::Reference::parse(order.destination);
    if (!destination) {
        co_return fail(destination.error());
    }
    const store::Lease lease = services.store.lease();
    const LayerWriting writing{services.store, services.pool, lease, {}, job->stop_token()};
    auto make_ready = [&] { return prepare(writing, order, *destination); };
    const auto outgoing = co_await run_on(services.waiters, std::move(make_ready));
    if (!outgoing) {
        co_return fail(outgoing.error());
    }
    registry::PushRequest request{.destination = *destination};
    request.manifest = outgoing->manifest;
    request.manifest_type = outgoing->descriptor.media_type;
    for (const Descriptor& layer : outgoing->layers) {
        registry::PushBlob& blob = request.layers.emplace_back(blob_of(services.store, layer));
        const auto source = outgoing->sources.find(layer.digest);
        blob.mount_from = source == outgoing->sources.end() ? "" : source->second;
    }
    request.config = blob_of(services.store, outgoing->config);
    request.referrers = outgoing->referrers;
    request.credentials = credentials_for(order.credentials, *destination);
    request.progress = [job](const registry::PushProgress& progress) {
        ProgressEvent event{.step = std::nullopt, .what = "push"};
        event.name = progress.blob.digest.render();
        event.total = progress.blob.size_bytes;
        event.current = progress.outcome ? progress.blob.size_bytes : progress.sent_bytes;
        job->emit(event);
    };
    registry::Client client(services.loop, services.pool, client_options(services));
    const auto pushed =
        co_await stoppable(services.loop, job->stop_token(), client.push(std::move(request)));
    if (!pushed) {
        co_return fail(pushed.error());
    }
    co_return outgoing->descriptor;
}

}  // namespace kiln::daemon
