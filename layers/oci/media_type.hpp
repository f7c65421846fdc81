#pragma once

#include "layers/compress/compression.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln::oci {

/// image-spec media-types.md, and the Docker schema 2 types that mean the same.
inline constexpr std::string_view k_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view k_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view k_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view k_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view k_layer_tar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view k_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view k_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";

inline constexpr std::string_view k_docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view k_docker_index =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view k_docker_config =
    "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view k_docker_layer_tar =
    "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view k_docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view k_docker_layer_zstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";

enum class DocumentKind : std::uint8_t { manifest, index, config, layer, other };

DocumentKind kind_of(std::string_view media_type);

/// How a layer of this type is compressed; foreign and non-distributable types count too. nullopt
/// for what is no layer.
std::optional<Compression> layer_compression(std::string_view media_type);
/// Inverse of layer_compression for the OCI types.
std::string_view layer_media_type(Compression compression);

/// RFC 6838 names, as the schemas of image-spec want them: "type/subtype", no parameters.
bool is_media_type(std::string_view text);

}  // namespace kiln::oci
