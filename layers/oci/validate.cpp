#include "layers/oci/validate.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/oci/hashing_source.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/layer_index.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace kiln::oci {
namespace {

constexpr std::size_t k_index_depth = 4;

/// Faults of the machine, as against those of the image.
bool is_ours(const Error& error) {
    switch (error.code) {
        case Code::cancelled:
        case Code::internal:
        case Code::out_of_space:
        case Code::permission:
        case Code::timed_out:
        case Code::busy:
            return true;
        case Code::invalid_input:
        case Code::not_found:
        case Code::conflict:
        case Code::too_large:
        case Code::digest_mismatch:
        case Code::corrupt:
        case Code::unsupported:
        case Code::upstream:
        case Code::step_failed:
            return false;
    }
    return true;
}

class Validation {
  public:
    Validation(store::BlobStore& blobs, std::stop_token stop)
        : blobs_(blobs),
          stop_(std::move(stop)) {}

    Result<void> check_image(const Descriptor& image, std::size_t depth);

    std::vector<Mismatch> take() { return std::move(mismatches_); }

  private:
    Result<void> check_index(const Descriptor& descriptor, ByteSpan bytes, std::size_t depth);
    Result<void> check_manifest(const Descriptor& descriptor, ByteSpan bytes);
    /// nullopt when it cannot be read: that has been reported.
    Result<std::optional<ImageConfig>> check_config(const Manifest& manifest);
    Result<void> check_layer(
        const std::string& what, const Descriptor& layer, const std::optional<Digest>& diff_id
    );
    /// nullopt when the blob is absent or not what its descriptor says: that has been reported.
    Result<std::optional<Bytes>> read_document(
        const std::string& what, const Descriptor& descriptor
    );
    Result<std::optional<store::BlobReader>> open(
        const std::string& what, const Descriptor& descriptor
    );

    void report(const std::string& what, const Digest& digest, std::string detail) {
        mismatches_.push_back({what, digest, std::move(detail)});
    }

    void compare(const std::string& what, const Descriptor& descriptor, const Digest& found) {
        if (found != descriptor.digest) {
            report(what, descriptor.digest, "its content is " + found.render());
        }
    }

    store::BlobStore& blobs_;
    std::stop_token stop_;
    std::vector<Mismatch> mismatches_;
    std::set<std::pair<Digest, Digest>> checked_layers_;  // blob and diff_id
    std::set<Digest> checked_images_;
};

Result<void> Validation::check_image(const Descriptor& image, std::size_t depth) {
    if (!checked_images_.insert(image.digest).second) {
        return {};
    }
    const DocumentKind kind = kind_of(image.media_type);
    const std::string what =
        (kind == DocumentKind::index ? "index " : "manifest ") + image.digest.render();
    if (kind != DocumentKind::index && kind != DocumentKind::manifest) {
        report(what, image.digest, "its media type is " + image.media_type + ", no image");
        return {};
    }
    if (depth > k_index_depth) {
        report(what, image.digest, "indexes lead to each other too deep");
        return {};
    }
    TRY_ASSIGN(const auto bytes, read_document(what, image));
    if (!bytes) {
        return {};
    }
    return kind == DocumentKind::index ? check_index(image, *bytes, depth)
                                       : check_manifest(image, *bytes);
}

Result<void> Validation::check_index(
    const Descriptor& descriptor, ByteSpan bytes, std::size_t depth
) {
    const auto index = ImageIndex::parse(bytes);
    if (!index) {
        report("index " + descriptor.digest.render(), descriptor.digest, index.error().render());
        return {};
    }
    for (const LinkedDescriptor& linked : index->manifests) {
        const DocumentKind kind = kind_of(linked.descriptor.media_type);
        if (kind == DocumentKind::manifest || kind == DocumentKind::index) {
            TRY(check_image(linked.descriptor, depth + 1));
        }
    }
    return {};
}

Result<void> Validation::check_manifest(const Descriptor& descriptor, ByteSpan bytes) {
    const std::string what = "manifest " + descriptor.digest.render();
    const auto manifest = Manifest::parse(bytes);
    if (!manifest) {
        report(what, descriptor.digest, manifest.error().render());
        return {};
    }
    if (!manifest->media_type.empty() && manifest->media_type != descriptor.media_type) {
        report(
            what,
            descriptor.digest,
            fmt::format(
                "it calls itself {}, its descriptor {}", manifest->media_type, descriptor.media_type
            )
        );
    }
    TRY_ASSIGN(const auto config, check_config(*manifest));
    for (std::size_t i = 0; i < manifest->layers.size(); ++i) {
        std::optional<Digest> diff_id;
        if (config && i < config->diff_ids.size()) {
            diff_id = config->diff_ids[i];
        }
        TRY(check_layer(
            fmt::format("layer {} of {}", i, descriptor.digest.render()),
            manifest->layers[i],
            diff_id
        ));
    }
    return {};
}

Result<std::optional<ImageConfig>> Validation::check_config(const Manifest& manifest) {
    const Digest& digest = manifest.config.digest;
    const std::string what = "config " + digest.render();
    const std::size_t layers = manifest.layers.size();
    if (kind_of(manifest.config.media_type) != DocumentKind::config) {
        report(what, digest, "its media type is " + manifest.config.media_type);
    }
    TRY_ASSIGN(const auto bytes, read_document(what, manifest.config));
    if (!bytes) {
        return std::optional<ImageConfig>();
    }
    auto config = ImageConfig::parse(*bytes);
    if (!config) {
        report(what, digest, config.error().render());
        return std::optional<ImageConfig>();
    }
    if (config->diff_ids.size() != layers) {
        report(
            what,
            digest,
            fmt::format(
                "it has {} diff_ids, the manifest {} layers", config->diff_ids.size(), layers
            )
        );
    }
    const auto with_layer = static_cast<std::size_t>(std::count_if(
        config->history.begin(),
        config->history.end(),
        [](const HistoryEntry& entry) { return !entry.empty_layer; }
    ));
    if (!config->history.empty() && with_layer != layers) {
        report(
            what, digest, fmt::format("its history tells of {} layers of {}", with_layer, layers)
        );
    }
    return std::optional(std::move(*config));
}

Result<void> Validation::check_layer(
    const std::string& what, const Descriptor& layer, const std::optional<Digest>& diff_id
) {
    if (!checked_layers_.emplace(layer.digest, diff_id.value_or(Digest())).second) {
        return {};
    }
    TRY_ASSIGN(const auto blob, open(what, layer));
    if (!blob) {
        return {};
    }
    Bytes first(std::min<std::uint64_t>(k_sniff_bytes, blob->size_bytes()));
    TRY(blob->pread(first, 0));
    const std::string_view found = stream_format_name(sniff_stream(first));
    const auto claimed = layer_compression(layer.media_type);
    const std::string_view wanted = claimed == Compression::none
                                        ? stream_format_name(StreamFormat::plain)
                                    : claimed ? compression_name(*claimed)
                                              : std::string_view("no layer");
    if (found != wanted) {
        report(
            what,
            layer.digest,
            fmt::format("its media type is {}, its content {}", layer.media_type, found)
        );
    }
    FdSource source = blob->source();
    HashingSource hashed(source);
    auto plain = decompress(hashed);
    auto index =
        plain ? index_layer_tar(**plain, {}, stop_) : Result<LayerIndex>(fail(plain.error()));
    if (!index) {
        if (is_ours(index.error())) {
            return fail(index.error());
        }
        report(what, layer.digest, index.error().render());
    } else if (diff_id && index->diff_id != *diff_id) {
        report(
            what,
            layer.digest,
            fmt::format(
                "its diff_id is {}, the config says {}", index->diff_id.render(), diff_id->render()
            )
        );
    }
    TRY(drain(hashed));
    compare(what, layer, hashed.digest());
    return {};
}

Result<std::optional<store::BlobReader>> Validation::open(
    const std::string& what, const Descriptor& descriptor
) {
    TRY(check(stop_));
    auto blob = blobs_.open(descriptor.digest);
    if (!blob) {
        if (blob.error().code != Code::not_found) {
            return fail(blob.error());
        }
        report(what, descriptor.digest, "it is missing");
        return std::optional<store::BlobReader>();
    }
    if (blob->size_bytes() != descriptor.size_bytes) {
        report(
            what,
            descriptor.digest,
            fmt::format(
                "it has {} bytes, its descriptor says {}", blob->size_bytes(), descriptor.size_bytes
            )
        );
    }
    return std::optional(std::move(*blob));
}

Result<std::optional<Bytes>> Validation::read_document(
    const std::string& what, const Descriptor& descriptor
) {
    TRY_ASSIGN(const auto blob, open(what, descriptor));
    if (!blob) {
        return std::optional<Bytes>();
    }
    if (blob->size_bytes() > limits::k_document_bytes) {
        report(what, descriptor.digest, "it is larger than a document may be");
        return std::optional<Bytes>();
    }
    Bytes bytes(blob->size_bytes());
    TRY(blob->pread(bytes, 0));
    compare(what, descriptor, digest_of(bytes));
    return std::optional(std::move(bytes));
}

}  // namespace

Result<std::vector<Mismatch>> validate_image(
    store::BlobStore& blobs, const Descriptor& image, std::stop_token stop
) {
    Validation validation(blobs, std::move(stop));
    TRY(validation.check_image(image, 0));
    return validation.take();
}

}  // namespace kiln::oci
