#include "layers/oci/media_type.hpp"

#include <algorithm>
#include <array>

namespace kiln::oci {
namespace {

struct LayerType {
    std::string_view media_type;
    Compression compression;
};

constexpr std::array k_layer_types = {
    LayerType{k_layer_tar, Compression::none},
    LayerType{k_layer_gzip, Compression::gzip},
    LayerType{k_layer_zstd, Compression::zstd},
    LayerType{k_docker_layer_tar, Compression::none},
    LayerType{k_docker_layer_gzip, Compression::gzip},
    LayerType{k_docker_layer_zstd, Compression::zstd},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::none},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::gzip},
    LayerType{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Compression::zstd},
    LayerType{"application/vnd.docker.image.rootfs.foreign.diff.tar", Compression::none},
    LayerType{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::gzip},
};

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_restricted_name(std::string_view text) {
    constexpr std::size_t k_longest = 127;
    constexpr std::string_view k_marks = "!#$&^_.+-";
    return !text.empty() && text.size() <= k_longest && is_alphanumeric(text.front())
           && std::all_of(text.begin(), text.end(), [&](char c) {
                  return is_alphanumeric(c) || k_marks.find(c) != std::string_view::npos;
              });
}

}  // namespace

DocumentKind kind_of(std::string_view media_type) {
    if (media_type == k_manifest || media_type == k_docker_manifest) {
        return DocumentKind::manifest;
    }
    if (media_type == k_index || media_type == k_docker_index) {
        return DocumentKind::index;
    }
    if (media_type == k_config || media_type == k_docker_config) {
        return DocumentKind::config;
    }
    return layer_compression(media_type) ? DocumentKind::layer : DocumentKind::other;
}

std::optional<Compression> layer_compression(std::string_view media_type) {
    for (const LayerType& each : k_layer_types) {
        if (each.media_type == media_type) {
            return each.compression;
        }
    }
    return std::nullopt;
}

std::string_view layer_media_type(Compression compression) {
    switch (compression) {
        case Compression::none:
            return k_layer_tar;
        case Compression::gzip:
            return k_layer_gzip;
        case Compression::zstd:
            return k_layer_zstd;
    }
    return k_layer_tar;
}

bool is_media_type(std::string_view text) {
    const std::size_t slash = text.find('/');
    return slash != std::string_view::npos && is_restricted_name(text.substr(0, slash))
           && is_restricted_name(text.substr(slash + 1));
}

}  // namespace kiln::oci
