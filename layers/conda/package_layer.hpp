#pragma once

#include "layers/conda/environment_plan.hpp"
#include "layers/layer_builder.hpp"
#include "store/base/clock.hpp"

#include <cstddef>
#include <stop_token>

namespace kiln::conda {

/// mtime of what we make or change: directories, entry points, files with the prefix replaced. All
/// others keep the package's (else their .pyc would be stale). SOURCE_DATE_EPOCH never gets here.
inline constexpr UnixSeconds k_made_mtime = 315619200;

/// Decompressed payloads up to here rest in memory until they are written in canonical order,
/// larger ones in the scratch file.
inline constexpr std::size_t k_payload_in_memory_bytes = 64 * 1024 * 1024;

struct PackageLayerSource {
    int package_fd = -1;            // the archive: seekable, its hash already checked
    int scratch_directory_fd = -1;  // where an unnamed temporary file may be made
};

/// What write_package_layer() of this package takes at once, about: the decoder's window and what
/// of the payload rests in memory. Errors   as PackageReader.
Result<std::uint64_t> memory_needed(
    const PackageLayerSource& source, const PlannedPackage& planned
);

/// Whether anything of the package comes to lie below the prefix: some are names alone
/// (python_abi), and what is lost to others does not count.
bool has_payload(const PlannedPackage& planned);

/// The payload of one package as entries of a layer: from the archive straight into the builder,
/// nothing above the prefix, modes 0644 and 0755 (0777 symlinks), owner 0:0. finish() is the
/// caller's.
/// Errors   as PackageReader; corrupt when a path of the manifest is not in the archive;
///          invalid_input for a prefix too long, a member that leaves the prefix, a symlink that
///          leads out of it, a device.
/// Thread   pool; one builder, one thread.
Result<void> write_package_layer(
    const PackageLayerSource& source,
    const PlannedPackage& planned,
    LayerBuilder& layer,
    std::stop_token stop
);

}  // namespace kiln::conda
