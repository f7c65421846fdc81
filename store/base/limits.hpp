#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound on foreign input, with its reason. Reaching one is a too_large or busy error that
/// names it.
namespace kiln::limits {

inline constexpr std::size_t k_kib = 1024;
inline constexpr std::size_t k_mib = 1024 * k_kib;
inline constexpr std::uint64_t k_gib = 1024 * k_mib;

/// Manifests, indexes and configs: registries refuse manifests beyond 4 MiB.
inline constexpr std::size_t k_document_bytes = 4 * k_mib;
/// Nesting of any JSON that is read; OCI documents and conda records stay below 10.
inline constexpr std::size_t k_json_depth = 64;
/// Linux refuses longer paths (PATH_MAX) and names (NAME_MAX).
inline constexpr std::size_t k_path_bytes = 4096;
inline constexpr std::size_t k_name_bytes = 255;
/// Deeper trees are hostile; tools that recurse die on them.
inline constexpr std::size_t k_path_depth = 512;
/// As the chain of symlinks that Linux follows (MAXSYMLINKS is 40).
inline constexpr std::size_t k_symlinks_followed = 40;
/// A request line and its headers; ours are below 1 KiB.
inline constexpr std::size_t k_header_bytes = 16 * k_kib;
/// A JSON request: a Dockerfile of 1 MiB, a lock file and their escapes.
inline constexpr std::size_t k_request_bytes = 16 * k_mib;
/// The listing of a context: about 150 bytes a file.
inline constexpr std::size_t k_listing_bytes = 256 * k_mib;
/// What is read of a body that nobody wanted, before the connection is closed instead.
inline constexpr std::size_t k_drained_bytes = 64 * k_mib;
/// etc/passwd and etc/group of an image.
inline constexpr std::size_t k_accounts_bytes = 4 * k_mib;
/// dockerd and overlayfs stop at about 125.
inline constexpr std::size_t k_image_layers = 120;

}  // namespace kiln::limits
