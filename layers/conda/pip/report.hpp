#pragma once

#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_pip_report_bytes = 64UL << 20U;

/// What pip would install, of the JSON that `pip install --dry-run --report -` writes (versions "0"
/// and "1"). `places` (PipPart::places) turns places in the sandbox back into the user's; a URL
/// loses its credentials. Sorted by name.
/// Errors   upstream: not what pip writes; unsupported: something that no hash pins.
Result<std::vector<PipEntry>> parse_pip_report(
    std::string_view text, const std::map<std::string, std::string>& places
);

}  // namespace kiln::conda
