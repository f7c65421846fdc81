#include "daemon/build/layer_writer.hpp"

#include "layers/layer_reader.hpp"
#include "layers/oci/media_type.hpp"

namespace kiln::daemon {
namespace {

const Dress* find_dress(const LayerFacts& layer, Compression compression) {
    for (const Dress& dress : layer.dresses) {
        if (dress.compression == compression) {
            return &dress;
        }
    }
    return nullptr;
}

/// A source that owns the blob it reads.
class OwningSource final : public ByteSource {
  public:
    explicit OwningSource(store::BlobReader blob)
        : blob_(std::move(blob)),
          inner_(std::make_unique<FdSource>(blob_.fd(), 0, blob_.size_bytes())) {}

    static Result<std::unique_ptr<ByteSource>> of_tar(store::BlobReader blob, const Dress& dress) {
        auto source = std::make_unique<OwningSource>(std::move(blob));
        TRY_ASSIGN(source->inner_, open_layer_tar(source->blob_.fd(), dress));
        return std::unique_ptr<ByteSource>(std::move(source));
    }

    Result<std::size_t> read(MutableByteSpan into) override { return inner_->read(into); }

  private:
    store::BlobReader blob_;
    std::unique_ptr<ByteSource> inner_;
};

}  // namespace

LayerFacts facts_of(const BuiltLayer& built, std::string origin) {
    return LayerFacts{
        .diff_id = built.layer.diff_id,
        .tar_bytes = built.layer.tar_bytes,
        .entries = built.entries,
        .origin = std::move(origin),
        .dresses = {built.layer.dress}};
}

Result<std::optional<LayerFacts>> write_layer(
    const LayerWriting& writing, const std::string& origin, const FillLayer& fill
) {
    TRY_ASSIGN(
        const auto blob, writing.store.blobs().begin(writing.lease, store::HashedBy::caller)
    );
    LayerBuilder builder(writing.options, writing.pool, *blob, writing.stop);
    TRY(fill(builder));
    TRY_ASSIGN(const BuiltLayer built, builder.finish());
    if (built.entries == 0) {
        return std::optional<LayerFacts>();
    }
    TRY(blob->commit(built.layer.dress.digest));
    TRY(writing.store.tables().put(built.layer.diff_id, built.table, writing.lease));
    writing.lease.keep(built.layer.diff_id);
    return std::optional(facts_of(built, origin));
}

Result<Dress> dress_layer(const LayerWriting& writing, const Digest& diff_id) {
    writing.lease.keep(diff_id);
    TRY_ASSIGN(auto found, writing.store.index().find_layer(diff_id));
    if (!found || found->dresses.empty()) {
        return fail(Code::not_found, "layer {} is not in the store", diff_id.render());
    }
    // A level that was asked for is not remembered with the dress: any dress of the kind will do.
    if (const Dress* worn = find_dress(*found, writing.options.compression)) {
        return *worn;
    }
    const Dress& from = found->dresses.front();
    TRY_ASSIGN(const store::BlobReader reader, writing.store.blobs().open(from.digest));
    TRY_ASSIGN(const auto tar, open_layer_tar(reader.fd(), from));
    TRY_ASSIGN(
        const auto blob, writing.store.blobs().begin(writing.lease, store::HashedBy::caller)
    );
    TRY_ASSIGN(
        const Layer layer, redress(*tar, writing.options, writing.pool, *blob, writing.stop)
    );
    if (layer.diff_id != diff_id) {
        return fail(
            Code::corrupt,
            "blob {} holds the tar {}, not {}",
            from.digest.render(),
            layer.diff_id.render(),
            diff_id.render()
        );
    }
    TRY(blob->commit(layer.dress.digest));
    found->dresses = {layer.dress};
    TRY(writing.store.record(store::Batch{.layers = {std::move(*found)}}));
    return layer.dress;
}

Result<oci::OpenedLayer> open_dressed(
    const LayerWriting& writing, const Descriptor& layer, const Digest& diff_id, Compression wanted
) {
    store::BlobStore& blobs = writing.store.blobs();
    if (oci::layer_compression(layer.media_type) == wanted) {
        TRY_ASSIGN(store::BlobReader blob, blobs.open(layer.digest));
        return oci::OpenedLayer{layer, std::make_unique<OwningSource>(std::move(blob))};
    }
    const std::string type(oci::layer_media_type(wanted));
    if (wanted == Compression::none) {
        TRY_ASSIGN(const auto facts, writing.store.index().find_layer(diff_id));
        if (!facts || facts->dresses.empty()) {
            return fail(Code::not_found, "layer {} is not in the store", diff_id.render());
        }
        const Dress& dress = facts->dresses.front();
        TRY_ASSIGN(store::BlobReader blob, blobs.open(dress.digest));
        TRY_ASSIGN(auto tar, OwningSource::of_tar(std::move(blob), dress));
        return oci::OpenedLayer{Descriptor{type, diff_id, facts->tar_bytes}, std::move(tar)};
    }
    LayerWriting dressing = writing;
    dressing.options = LayerOptions{wanted, std::nullopt};
    TRY_ASSIGN(const Dress dress, dress_layer(dressing, diff_id));
    TRY_ASSIGN(store::BlobReader blob, blobs.open(dress.digest));
    return oci::OpenedLayer{
        Descriptor{type, dress.digest, dress.size_bytes},
        std::make_unique<OwningSource>(std::move(blob))};
}

}  // namespace kiln::daemon
