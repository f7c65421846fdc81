#include "daemon/bundles/intake.hpp"

#include "daemon/build/cache_key.hpp"
#include "daemon/build/context_packs.hpp"
#include "daemon/build/context_table.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/bundles/document.hpp"
#include "daemon/bundles/environments.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/layer_intake.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"
#include "store/base/parallel.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kiln::daemon {
namespace {

Result<BundleDocument> read_document(store::Store& store, const Digest& digest) {
    TRY_ASSIGN(const Bytes bytes, store::read_blob(store.blobs(), digest, k_bundle_document_bytes));
    return BundleDocument::parse(as_text(bytes));
}

Result<oci::Manifest> read_manifest(store::Store& store, const Digest& digest) {
    TRY_ASSIGN(
        const Bytes bytes, store::read_blob(store.blobs(), digest, limits::k_document_bytes)
    );
    return oci::Manifest::parse(bytes);
}

/// The parts that are not here; each is kept from the first look on.
Result<std::vector<Digest>> find_lacking(store::Store& store, const BundleDocument& document) {
    std::vector<Digest> lacking;
    for (const BundlePart& part : document.parts) {
        store.leases().keep_for(part.digest, ContextTable::k_kept_seconds);
        TRY_ASSIGN(const auto size, store.blobs().size_of(part.digest));
        if (!size) {
            lacking.push_back(part.digest);
        } else if (*size != part.size_bytes) {
            return fail(
                Code::invalid_input,
                "{} ({}) has {} bytes, the bundle says {}",
                part.what,
                part.digest.render(),
                *size,
                part.size_bytes
            );
        }
    }
    return lacking;
}

/// What has come of an unfinished bundle becomes durable; the collector keeps it as cache.
Result<void> keep_arrived(
    store::Store& store,
    const Digest& digest,
    const BundleDocument& document,
    const std::set<Digest>& lacking
) {
    CacheKey key("unbundling/1");
    key.add("document", digest.render());
    store::CacheRecord arrived{.key = key.digest(), .blobs = {digest}};
    for (const BundlePart& part : document.parts) {
        if (!lacking.contains(part.digest)) {
            arrived.blobs.push_back(part.digest);
        }
    }
    return store.record(store::Batch{.cache = {std::move(arrived)}});
}

/// Packs of contexts: those whose contents the store knows need not come.
Result<void> settle_contexts(
    store::Store& store,
    const BundleDocument& document,
    std::set<Digest>& lacking,
    std::set<Digest>& first
) {
    for (const oci::LinkedDescriptor& linked : document.manifests) {
        if (linked.artifact_type != k_context_artifact) {
            continue;
        }
        TRY_ASSIGN(const auto manifest, read_manifest(store, linked.descriptor.digest));
        TRY_ASSIGN(const auto wanted, context_blobs_lacking(store, manifest));
        const bool is_listing =
            wanted.size() == 1 && wanted.front() == manifest.layers.front().digest;
        if (is_listing) {
            first.insert(wanted.front());
            continue;
        }
        const std::set<Digest> needed(wanted.begin(), wanted.end());
        for (const Descriptor& blob : manifest.layers) {
            if (!needed.contains(blob.digest)) {
                lacking.erase(blob.digest);
            }
        }
    }
    return {};
}

std::vector<Digest> in_file_order(const BundleDocument& document, const std::set<Digest>& wanted) {
    std::vector<Digest> ordered;
    for (const BundlePart& part : document.parts) {
        if (wanted.contains(part.digest)) {
            ordered.push_back(part.digest);
        }
    }
    return ordered;
}

/// A layer of an image of the bundle that the index does not know yet.
struct NewLayer {
    Descriptor blob;
    Digest diff_id;
    std::string origin;
};

/// One bundle, from its parts to names.
class Intake {
  public:
    Intake(Services& services, std::shared_ptr<Job> job, const UnbundleOrder& order)
        : services_(services),
          store_(services.store),
          job_(std::move(job)),
          order_(order),
          lease_(services.store.lease()) {}

    Result<ResultEvent> run();

  private:
    Result<void> look_at_manifests();
    Result<void> look_at_image(const oci::LinkedDescriptor& linked);
    Result<void> look_at_referrer(const oci::LinkedDescriptor& linked);
    Result<void> index_layers();
    Result<void> name_images(json::Array& told);

    Services& services_;
    store::Store& store_;
    std::shared_ptr<Job> job_;
    const UnbundleOrder& order_;
    store::Lease lease_;
    BundleDocument document_;
    std::map<Digest, NewLayer> new_layers_;  // by diff_id
    std::vector<oci::Manifest> contexts_;
    store::Batch batch_;
};

Result<ResultEvent> Intake::run() {
    lease_.keep(order_.document);
    TRY_ASSIGN(document_, read_document(store_, order_.document));
    for (const BundlePart& part : document_.parts) {
        lease_.keep(part.digest);
    }
    TRY(look_at_manifests());
    BundledEnvironments environments(services_, lease_, document_, order_);
    TRY(environments.check());
    TRY(index_layers());
    for (const oci::Manifest& manifest : contexts_) {
        TRY(take_context(store_, lease_, manifest));
    }
    TRY(environments.find_packages(batch_));
    TRY(store_.record(batch_));
    // From here on everything is here, and durable: only names are missing.
    ResultEvent result;
    TRY_ASSIGN(json::Array named, environments.name());
    json::Array images;
    TRY(name_images(images));
    result.report = json::Value(json::Object{
        {"images", std::move(images)}, {"environments", std::move(named)}});
    return result;
}

Result<void> Intake::look_at_manifests() {
    for (const oci::LinkedDescriptor& linked : document_.manifests) {
        if (oci::kind_of(linked.descriptor.media_type) != oci::DocumentKind::manifest) {
            return fail(
                Code::invalid_input,
                "the bundle names {}, a {}, which is no manifest",
                linked.descriptor.digest.render(),
                linked.descriptor.media_type
            );
        }
        TRY(linked.artifact_type.empty() ? look_at_image(linked) : look_at_referrer(linked));
    }
    return {};
}

Result<void> Intake::look_at_image(const oci::LinkedDescriptor& linked) {
    TRY_ASSIGN(const Image image, load_image(store_, linked.descriptor));
    lease_.keep(linked.descriptor);
    const auto name = linked.annotations.find(std::string(oci::k_ref_name_annotation));
    const std::string origin =
        name == linked.annotations.end() ? std::string("unbundled") : name->second;
    batch_.blobs.push_back(linked.descriptor.digest);
    batch_.blobs.push_back(image.manifest.config.digest);
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const Descriptor& blob = image.manifest.layers[i];
        const Digest& diff_id = image.config.diff_ids[i];
        batch_.blobs.push_back(blob.digest);
        TRY_ASSIGN(const auto known, store_.index().find_layer(diff_id));
        const auto worn = [&](const Dress& dress) { return dress.digest == blob.digest; };
        const bool is_known =
            known && std::any_of(known->dresses.begin(), known->dresses.end(), worn);
        if (is_known) {
            lease_.keep(diff_id);
        } else {
            new_layers_.emplace(diff_id, NewLayer{blob, diff_id, origin});
        }
    }
    return {};
}

Result<void> Intake::look_at_referrer(const oci::LinkedDescriptor& linked) {
    TRY_ASSIGN(const oci::Manifest manifest, read_manifest(store_, linked.descriptor.digest));
    const bool is_context = linked.artifact_type == k_context_artifact;
    if (is_context) {
        contexts_.push_back(manifest);
    }
    // What the index will know of an environment is attached anew when it leaves again.
    if (is_context || linked.artifact_type == k_environment_artifact) {
        return {};
    }
    if (!manifest.subject) {
        return fail(
            Code::invalid_input,
            "{} of the bundle is about nothing",
            linked.descriptor.digest.render()
        );
    }
    store::Referrer referrer{
        .subject = manifest.subject->digest,
        .manifest = linked.descriptor,
        .artifact_type = linked.artifact_type};
    for (const Descriptor& layer : manifest.layers) {
        referrer.blobs.push_back(layer.digest);
    }
    referrer.blobs.push_back(manifest.config.digest);
    batch_.referrers.push_back(std::move(referrer));
    return {};
}

/// Side by side: each is read once, for its diff_id and its table of contents.
Result<void> Intake::index_layers() {
    std::vector<const NewLayer*> layers;
    for (const auto& [diff_id, layer] : new_layers_) {
        layers.push_back(&layer);
    }
    std::vector<std::optional<LayerFacts>> facts(layers.size());
    const std::stop_token stop = job_->stop_token();
    const auto index_one = [&](std::size_t i) -> Result<void> {
        const NewLayer& layer = *layers[i];
        TRY_ASSIGN(const store::BlobReader blob, store_.blobs().open(layer.blob.digest));
        FdSource bytes = blob.source();
        TRY_ASSIGN(
            const BuiltLayer built,
            oci::index_layer(bytes, layer.blob, layer.diff_id, {}, stop),
            "while reading layer {}",
            layer.blob.digest.render()
        );
        TRY(store_.tables().put(layer.diff_id, built.table, lease_));
        facts[i] = facts_of(built, layer.origin);
        Job::post(
            job_,
            ProgressEvent{
                .step = std::nullopt,
                .what = "index",
                .name = layer.blob.digest.render(),
                .current = layer.blob.size_bytes,
                .total = layer.blob.size_bytes}
        );
        return {};
    };
    TRY(parallel_each(services_.pool, layers.size(), index_one));
    for (std::optional<LayerFacts>& each : facts) {
        batch_.layers.push_back(std::move(*each));
    }
    return {};
}

Result<void> Intake::name_images(json::Array& told) {
    for (const oci::LinkedDescriptor& linked : document_.manifests) {
        if (!linked.artifact_type.empty()) {
            continue;
        }
        const auto name = linked.annotations.find(std::string(oci::k_ref_name_annotation));
        const bool has_name = name != linked.annotations.end();
        if (has_name) {
            TRY(set_refs(store_, {name->second}, linked.descriptor));
        } else {
            TRY_ASSIGN(const auto manifest, read_manifest(store_, linked.descriptor.digest));
            TRY(keep_nameless(store_, lease_, linked.descriptor.digest, manifest));
        }
        told.push_back(json::Object{
            {"name", has_name ? json::Value(name->second) : json::Value(nullptr)},
            {"digest", linked.descriptor.digest.render()}});
    }
    return {};
}

}  // namespace

Result<std::vector<Digest>> find_bundle_needs(Services& services, const Digest& document) {
    store::Store& store = services.store;
    store.leases().keep_for(document, ContextTable::k_kept_seconds);
    TRY_ASSIGN(const auto size, store.blobs().size_of(document));
    if (!size) {
        return std::vector{document};
    }
    TRY_ASSIGN(const BundleDocument bundle, read_document(store, document));
    TRY_ASSIGN(const std::vector<Digest> absent, find_lacking(store, bundle));
    std::set<Digest> lacking(absent.begin(), absent.end());
    if (!lacking.empty()) {
        TRY(keep_arrived(store, document, bundle, lacking));
    }
    std::set<Digest> first;  // without them it is not known what else is wanted
    for (const oci::LinkedDescriptor& linked : bundle.manifests) {
        if (lacking.contains(linked.descriptor.digest)) {
            first.insert(linked.descriptor.digest);
        }
    }
    if (first.empty()) {
        TRY(settle_contexts(store, bundle, lacking, first));
    }
    return in_file_order(bundle, first.empty() ? lacking : first);
}

boost::asio::awaitable<Result<ResultEvent>> take_in_bundle(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const UnbundleOrder> order
) {
    auto take = [&services, job, order] {
        Intake intake(services, job, *order);
        return intake.run();
    };
    co_return co_await run_on(services.waiters, std::move(take));
}

}  // namespace kiln::daemon
