#pragma once

#include "layers/conda/package_metadata.hpp"
#include "layers/conda/spec/package_record.hpp"

#include <cstdint>

namespace kiln::conda {

/// Whether a record says what its package constrains: repodata and pixi.lock do, conda-lock.yml
/// does not.
enum class KnowsConstrains : std::uint8_t { yes, no };

/// What repodata or a lock says of an installed package counts more than its own info/index.json,
/// for repodata is mended after packages are built (cep-32): depends, constrains, track_features,
/// licence, time and the place of site-packages. What a record leaves out (noarch, conda#8311)
/// stays as the package has it.
/// Errors   invalid_input: the record is of a package with another name.
Result<void> follow_record(
    const PackageRecord& record, KnowsConstrains constrains, PackageMetadata& metadata
);

}  // namespace kiln::conda
