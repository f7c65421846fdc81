#pragma once

#include "layers/conda/channel/repodata_index.hpp"
#include "layers/conda/spec/package_record.hpp"
#include "store/base/error.hpp"

#include <string_view>

namespace kiln::conda {

/// More dependencies, features or groups in one record are refused; a metapackage has 600.
inline constexpr std::size_t k_record_list = 20'000;

/// The record at a range of a repodata.json: everything but url and channel, which the text does
/// not tell. What cep-36 lets be null or absent is empty; times are in ms; noarch of old packages
/// may be a boolean. Errors   invalid_input: a field of another type, a field twice, no name or
/// version or none that
///          cep-26 and cep-33 allow, a file name that is no package.
Result<PackageRecord> read_record(std::string_view text, RecordSection section);

}  // namespace kiln::conda
