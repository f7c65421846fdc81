#pragma once

#include "store/base/bytes.hpp"
#include "store/digest.hpp"

#include <string>
#include <string_view>

namespace kiln::oci {

/// Names and texts of an image layout (image-spec image-layout.md).
inline constexpr std::string_view k_layout_name = "oci-layout";
inline constexpr std::string_view k_layout_text = R"({"imageLayoutVersion":"1.0.0"})";
inline constexpr std::string_view k_index_name = "index.json";
/// The name of an image within the layout; skopeo's oci:DIR:NAME.
inline constexpr std::string_view k_ref_name_annotation = "org.opencontainers.image.ref.name";
/// The full name, as containerd and docker save write it beside the tag.
inline constexpr std::string_view k_image_name_annotation = "io.containerd.image.name";

/// "blobs/sha256/HEX"
std::string blob_path(const Digest& digest);

/// The content of an oci-layout file. Errors   invalid_input; unsupported for another version.
Result<void> check_layout(ByteSpan bytes);

}  // namespace kiln::oci
