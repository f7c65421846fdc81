#include "daemon/conda/oci_download.hpp"

#include "daemon/runtime/run_on.hpp"
#include "layers/conda/channel/oci_place.hpp"
#include "layers/oci/manifest.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using registry::Awaitable;

/// Progress is told this often: every event is kept for replay.
constexpr std::uint64_t k_told_bytes = 256U * 1024;

/// The layer of the first of these types that there is; nullptr when there is none.
const Descriptor* find_layer(
    const oci::Manifest& manifest, const std::vector<std::string>& media_types
) {
    for (const std::string& type : media_types) {
        const auto found =
            std::find_if(manifest.layers.begin(), manifest.layers.end(), [&](const auto& layer) {
                return layer.media_type == type;
            });
        if (found != manifest.layers.end()) {
            return &*found;
        }
    }
    return nullptr;
}

Result<void> check(const DownloadOrder& order, const Descriptor& layer) {
    if (order.expected && layer.digest != *order.expected) {
        return fail(
            Code::digest_mismatch,
            "{} is {} in the registry, {} is wanted",
            order.name,
            layer.digest.render(),
            order.expected->render()
        );
    }
    if (layer.size_bytes > order.limit_bytes) {
        return fail(
            Code::too_large, "{} is larger than {}", order.name, render_size(order.limit_bytes)
        );
    }
    return {};
}

/// A blob of the store that is being written, or none where it is there already.
struct Writing {
    std::shared_ptr<store::BlobWriter> blob;
    std::uint64_t had_bytes = 0;  // left by somebody who fetched it before
};

Result<Writing> begin(const OciDownload& download, const Descriptor& layer) {
    store::Store& store = download.services.store;
    download.lease.keep(layer.digest);
    TRY_ASSIGN(const auto size, store.blobs().size_of(layer.digest));
    if (size) {
        return Writing();
    }
    TRY_ASSIGN(auto resumed, store.partials().resume(layer.digest, download.lease));
    if (resumed.had_bytes >= layer.size_bytes) {  // perhaps all of it, never committed
        resumed.writer.reset();
        TRY(store.partials().discard(layer.digest));
        TRY_ASSIGN(resumed, store.partials().resume(layer.digest, download.lease));
    }
    return Writing{std::move(resumed.writer), resumed.had_bytes};
}

registry::BlobSink sink_of(
    const OciDownload& download, const Descriptor& layer, const Writing& writing
) {
    return [&services = download.services,
            job = download.job,
            name = download.order.name,
            total = layer.size_bytes,
            received = writing.had_bytes,
            blob = writing.blob](ByteSpan bytes) mutable {
        const std::uint64_t before = std::exchange(received, received + bytes.size());
        if (before / k_told_bytes != received / k_told_bytes || received == total) {
            job->emit(ProgressEvent{
                .step = std::nullopt,
                .what = "fetch",
                .name = name,
                .current = received,
                .total = total});
        }
        auto write = [blob, bytes] { return blob->write(bytes); };
        return run_on(services.pool, std::move(write));
    };
}

/// Where what was left before proves to be of other bytes, once more without it.
Awaitable<Result<void>> fetch_layer(
    const OciDownload& download, registry::Repository& repository, const Descriptor& layer
) {
    while (true) {
        auto prepare = [&] { return begin(download, layer); };
        const auto writing = co_await run_on(download.services.pool, std::move(prepare));
        if (!writing || !writing->blob) {
            co_return writing ? Result<void>() : fail(writing.error());
        }
        auto sink = sink_of(download, layer, *writing);
        auto received = co_await repository.get_blob(layer, std::move(sink), writing->had_bytes);
        if (!received) {
            co_return received;
        }
        auto commit = [&layer, blob = writing->blob]() -> Result<void> {
            TRY(blob->commit(layer.digest));
            return {};
        };
        auto committed = co_await run_on(download.services.pool, std::move(commit));
        const bool is_mixed =
            !committed && committed.error().code == Code::digest_mismatch && writing->had_bytes > 0;
        if (!is_mixed) {
            co_return committed;
        }
    }
}

}  // namespace

Awaitable<Result<Downloaded>> fetch_from_registry(OciDownload download) {
    const auto place = conda::find_oci_place(download.source);
    if (!place || !*place) {
        co_return place ? Result<Downloaded>(Downloaded{}) : fail(place.error());
    }
    const std::string name =
        fmt::format("{}/{}:{}", (*place)->host, (*place)->repository, (*place)->tag);
    const auto reference = oci::Reference::parse(name);
    if (!reference) {
        co_return fail(
            Code::invalid_input,
            "{} would be {} in its registry, which is no name there",
            download.order.name,
            name
        );
    }
    const auto repository = co_await download.client.open(*reference, download.credentials);
    if (!repository) {
        co_return fail(repository.error());
    }
    const auto document = co_await (*repository)->get_manifest(*reference->tag());
    if (!document || !*document) {
        co_return document ? Result<Downloaded>(Downloaded{}) : fail(document.error());
    }
    const std::string version = (*document)->descriptor.digest.render();
    if (download.order.known.etag == version) {
        co_return Downloaded{.outcome = Downloaded::Outcome::unchanged};
    }
    const auto manifest = oci::Manifest::parse(as_bytes((*document)->text));
    if (!manifest) {
        co_return fail(manifest.error());
    }
    const Descriptor* layer = find_layer(*manifest, (*place)->media_types);
    if (layer == nullptr) {
        co_return Downloaded{};
    }
    const auto checked = check(download.order, *layer);
    if (!checked) {
        co_return fail(checked.error());
    }
    const auto fetched = co_await fetch_layer(download, **repository, *layer);
    if (!fetched) {
        co_return fail(fetched.error());
    }
    Downloaded got{.outcome = Downloaded::Outcome::fetched, .blob = layer->digest};
    got.validator.etag = version;
    co_return got;
}

}  // namespace kiln::daemon
