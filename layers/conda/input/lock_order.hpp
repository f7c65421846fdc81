#pragma once

#include "layers/conda/lockfile.hpp"

#include <string>
#include <vector>

namespace kiln::conda {

/// A lock is a set: its writers order it by what is in it, so that the order in which records came
/// never shows.
std::vector<const LockEntry*> entries_by_name(const Lock& lock);
std::vector<const PipEntry*> pip_by_name(const Lock& lock);

/// The record's name, or what the file name tells.
std::string name_of(const LockEntry& entry);
/// "linux-64": what the record says, or else the place (channel/subdir/file); empty when neither
/// does.
std::string subdir_of(const LockEntry& entry);
/// As written, but for credentials in a URL.
std::string public_location(const LockEntry& entry);
/// The user of "git+ssh://git@host/…" is no secret and stays.
std::string public_location(const PipEntry& entry);

}  // namespace kiln::conda
