#pragma once

#include "layers/conda/input/mapping_reader.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// One conda package of a YAML lock: its place, and what the file name tells of the record.
/// Errors   those of parse_lock_location(), with the place.
Result<LockEntry> locked_package(std::string_view location, yaml::Node place);

/// What pixi.lock writes beside the place (and conda-lock of rattler's hand): the fields of the
/// channel's record.
void read_record(yaml::MappingReader& in, LockedRecord& record);

struct Hashes {
    std::optional<std::string> sha256;
    std::optional<std::string> md5;
};

/// `sha256` and `md5` in lower case. Errors (told by in.finish())   another length or letter.
Hashes read_hashes(yaml::MappingReader& in);

/// "linux-64, osx-64 and win-64": what there is, for hints; `none` when the list is empty.
std::string listed(const std::vector<std::string>& names, std::string_view none);

}  // namespace kiln::conda
