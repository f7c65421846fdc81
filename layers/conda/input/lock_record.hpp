#pragma once

#include "layers/conda/lockfile.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

namespace kiln::conda {

/// What a lock tells of a package as a record: enough to install it by and to write its conda-meta,
/// where `entry.record.extent` says so. What the lock leaves out is empty.
/// Shape    url and channel without credentials, and empty for packages that are files.
/// Errors   invalid_input with the place: a name or version that is none.
Result<PackageRecord> record_of(const LockEntry& entry);

/// A record of a channel, as a solve chose it, in a lock.
/// Errors   invalid_input: its URL is of no package.
Result<LockEntry> locked(const PackageRecord& record);

}  // namespace kiln::conda
