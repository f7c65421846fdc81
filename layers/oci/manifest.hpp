#pragma once

#include "layers/oci/platform.hpp"
#include "store/base/bytes.hpp"
#include "store/base/json.hpp"
#include "store/descriptor.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::oci {

using Annotations = std::map<std::string, std::string>;

/// Bounds for documents of others, far above what is seen: 4 MiB of manifest hold no more.
inline constexpr std::size_t k_annotations = 4096;
inline constexpr std::size_t k_index_manifests = 4096;

/// A descriptor as an index holds it.
struct LinkedDescriptor {
    Descriptor descriptor;
    std::string artifact_type = {};
    std::optional<Platform> platform = std::nullopt;
    Annotations annotations = {};
    bool operator==(const LinkedDescriptor&) const = default;

    /// Errors   invalid_input against image-spec descriptor.md; unsupported for a digest that is
    /// valid but not sha256.
    static Result<LinkedDescriptor> from_json(const json::Value& value, const std::string& what);
    [[nodiscard]] json::Object to_json() const;
};

/// An image manifest (image-spec manifest.md), or Docker's schema 2. The identity of a foreign
/// manifest is its bytes; rendering is for those we make.
struct Manifest {
    std::string media_type = {};  // "" when the document does not say
    std::string artifact_type = {};
    Descriptor config;
    std::vector<Descriptor> layers = {};  // bottom first
    std::optional<Descriptor> subject = std::nullopt;
    Annotations annotations = {};
    bool operator==(const Manifest&) const = default;

    /// Errors   invalid_input; too_large beyond limits::k_document_bytes, limits::k_image_layers
    /// or k_annotations; unsupported for digests that are not sha256 and schema version 1.
    static Result<Manifest> parse(ByteSpan bytes);
    /// Canonical: fixed key order, compact; annotations sorted.
    [[nodiscard]] std::string render() const;
};

}  // namespace kiln::oci
