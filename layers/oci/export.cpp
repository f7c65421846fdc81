#include "layers/oci/export.hpp"

#include "layers/oci/image_config.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reference.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/json.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <set>
#include <utility>

namespace kiln::oci {
namespace {

/// Writes one archive front to back: every blob once, the documents that need all digests last.
class Export {
  public:
    Export(
        const ExportOptions& options,
        store::BlobStore& blobs,
        const OpenLayer& open_layer,
        const Referring& referring,
        ByteSink& out,
        std::stop_token stop
    )
        : options_(options),
          blobs_(blobs),
          open_layer_(open_layer),
          referring_(referring),
          tar_(out),
          stop_(std::move(stop)) {}

    Result<void> begin();
    Result<void> put_image(const ExportImage& image);
    Result<void> finish();

  private:
    [[nodiscard]] std::optional<Compression> wanted_compression() const;
    Result<void> put_referring(const Descriptor& stored, const Descriptor& written);
    Result<Descriptor> put_layer(const Descriptor& layer, const Digest& diff_id);
    Result<void> put_stored(const Descriptor& descriptor);
    Result<void> put_bytes(const std::string& path, ByteSpan bytes);
    Result<void> put_source(const std::string& path, ByteSource& bytes, std::uint64_t size_bytes);
    Result<void> put_directory(const std::string& path);
    Result<void> name_image(
        const ExportImage& image, const Descriptor& manifest_blob, const Manifest& manifest
    );

    const ExportOptions& options_;
    store::BlobStore& blobs_;
    const OpenLayer& open_layer_;
    const Referring& referring_;
    tar::TarWriter tar_;
    std::stop_token stop_;
    std::set<Digest> written_;
    std::set<std::string> names_;
    ImageIndex index_{.media_type = std::string(k_index)};
    json::Array docker_;  // manifest.json
};

Result<void> Export::begin() {
    TRY(put_bytes(std::string(k_layout_name), as_bytes(k_layout_text)));
    TRY(put_directory("blobs"));
    return put_directory("blobs/sha256");
}

std::optional<Compression> Export::wanted_compression() const {
    if (!options_.compression && options_.format == ArchiveFormat::docker) {
        return Compression::none;
    }
    return options_.compression;
}

Result<void> Export::put_image(const ExportImage& image) {
    TRY_ASSIGN(
        const Bytes stored,
        store::read_blob(blobs_, image.manifest.digest, limits::k_document_bytes)
    );
    TRY_ASSIGN(const Manifest original, Manifest::parse(stored));
    TRY_ASSIGN(
        const Bytes config_bytes,
        store::read_blob(blobs_, original.config.digest, limits::k_document_bytes)
    );
    TRY_ASSIGN(const ImageConfig config, ImageConfig::parse(config_bytes));
    if (config.diff_ids.size() != original.layers.size()) {
        return fail(
            Code::corrupt,
            "{} has {} layers, its config {}",
            image.manifest.digest.render(),
            original.layers.size(),
            config.diff_ids.size()
        );
    }
    Manifest manifest = original;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        TRY_ASSIGN(manifest.layers[i], put_layer(original.layers[i], config.diff_ids[i]));
    }
    TRY(put_stored(original.config));
    if (manifest == original) {
        TRY(put_stored(image.manifest));
        TRY(name_image(image, image.manifest, manifest));
        return put_referring(image.manifest, image.manifest);
    }
    // Layers in another dress make another manifest, and what we make is OCI's.
    manifest.media_type = std::string(k_manifest);
    manifest.config.media_type = std::string(k_config);
    const std::string text = manifest.render();
    const Descriptor descriptor{
        .media_type = manifest.media_type, .digest = digest_of(text), .size_bytes = text.size()};
    if (written_.insert(descriptor.digest).second) {
        TRY(put_bytes(blob_path(descriptor.digest), as_bytes(text)));
    }
    TRY(name_image(image, descriptor, manifest));
    return put_referring(image.manifest, descriptor);
}

Result<void> Export::put_referring(const Descriptor& stored, const Descriptor& written) {
    if (!referring_ || options_.format == ArchiveFormat::docker) {
        return {};
    }
    TRY_ASSIGN(const auto referrers, referring_(stored, written));
    for (const LinkedDescriptor& referrer : referrers) {
        if (written_.contains(referrer.descriptor.digest)) {
            continue;  // one image under two names
        }
        TRY_ASSIGN(
            const Bytes text,
            store::read_blob(blobs_, referrer.descriptor.digest, limits::k_document_bytes)
        );
        TRY_ASSIGN(const Manifest manifest, Manifest::parse(text));
        for (const Descriptor& layer : manifest.layers) {
            TRY(put_stored(layer));
        }
        TRY(put_stored(manifest.config));
        TRY(put_stored(referrer.descriptor));
        index_.manifests.push_back(referrer);
    }
    return {};
}

Result<Descriptor> Export::put_layer(const Descriptor& layer, const Digest& diff_id) {
    const auto wanted = wanted_compression();
    if (!wanted || layer_compression(layer.media_type) == wanted) {
        TRY(put_stored(layer));
        return layer;
    }
    TRY_ASSIGN(auto opened, open_layer_(layer, diff_id, *wanted));
    if (written_.insert(opened.descriptor.digest).second) {
        TRY(put_source(
            blob_path(opened.descriptor.digest), *opened.bytes, opened.descriptor.size_bytes
        ));
    }
    return opened.descriptor;
}

Result<void> Export::put_stored(const Descriptor& descriptor) {
    if (!written_.insert(descriptor.digest).second) {
        return {};
    }
    TRY_ASSIGN(const auto blob, blobs_.open(descriptor.digest));
    if (blob.size_bytes() != descriptor.size_bytes) {
        return fail(
            Code::corrupt,
            "blob {} has {} bytes, its descriptor says {}",
            descriptor.digest.render(),
            blob.size_bytes(),
            descriptor.size_bytes
        );
    }
    FdSource bytes = blob.source();
    return put_source(blob_path(descriptor.digest), bytes, descriptor.size_bytes);
}

Result<void> Export::put_bytes(const std::string& path, ByteSpan bytes) {
    SpanSource source(bytes);
    return put_source(path, source, bytes.size());
}

Result<void> Export::put_source(
    const std::string& path, ByteSource& bytes, std::uint64_t size_bytes
) {
    tar::TarEntry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size_bytes = size_bytes;
    entry.mtime = options_.mtime;
    TRY(tar_.append(entry));
    constexpr std::size_t k_buffer_bytes = 256 * limits::k_kib;
    Bytes buffer(k_buffer_bytes);
    std::uint64_t left = size_bytes;
    while (true) {
        TRY(check(stop_));
        TRY_ASSIGN(const std::size_t count, bytes.read(buffer));
        if (count > left || (count == 0 && left > 0)) {
            return fail(Code::corrupt, "{} is not {} bytes long", path, size_bytes);
        }
        if (count == 0) {
            return {};
        }
        TRY(tar_.write(ByteSpan(buffer).first(count)));
        left -= count;
    }
}

Result<void> Export::put_directory(const std::string& path) {
    tar::TarEntry entry;
    entry.path = path;
    entry.type = tar::EntryType::directory;
    entry.mode = 0755;
    entry.mtime = options_.mtime;
    return tar_.append(entry);
}

Result<void> Export::name_image(
    const ExportImage& image, const Descriptor& manifest_blob, const Manifest& manifest
) {
    json::Array tags;
    for (const std::string& name : image.names) {
        if (!names_.insert(name).second) {
            return fail(Code::invalid_input, "{} is named twice", name);
        }
        LinkedDescriptor linked{.descriptor = manifest_blob};
        linked.annotations[std::string(k_ref_name_annotation)] = name;
        if (const auto reference = Reference::parse(name)) {
            const Reference full = reference->with_default_tag();
            linked.annotations[std::string(k_image_name_annotation)] = full.render();
            if (full.tag()) {
                tags.emplace_back(full.familiar());
            }
        }
        index_.manifests.push_back(std::move(linked));
    }
    if (image.names.empty()) {
        index_.manifests.push_back({.descriptor = manifest_blob});
    }
    json::Array layers;
    for (const Descriptor& layer : manifest.layers) {
        layers.emplace_back(blob_path(layer.digest));
    }
    docker_.emplace_back(json::Object{
        {"Config", blob_path(manifest.config.digest)},
        {"RepoTags", std::move(tags)},
        {"Layers", std::move(layers)}});
    return {};
}

Result<void> Export::finish() {
    TRY(put_bytes(std::string(k_index_name), as_bytes(index_.render())));
    if (options_.format == ArchiveFormat::docker) {
        TRY(put_bytes("manifest.json", as_bytes(json::render(docker_))));
    }
    return tar_.finish();
}

}  // namespace

Result<void> export_archive(
    const std::vector<ExportImage>& images,
    const ExportOptions& options,
    store::BlobStore& blobs,
    const OpenLayer& open_layer,
    const Referring& referring,
    ByteSink& out,
    std::stop_token stop
) {
    Export archive(options, blobs, open_layer, referring, out, std::move(stop));
    TRY(archive.begin());
    for (const ExportImage& image : images) {
        TRY(archive.put_image(image));
    }
    return archive.finish();
}

}  // namespace kiln::oci
