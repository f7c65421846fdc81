#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln::daemon {

enum class SbomFormat : std::uint8_t { spdx, cyclonedx };

/// "spdx", "cyclonedx". Errors   invalid_input.
Result<SbomFormat> parse_sbom_format(std::string_view name);

/// "application/spdx+json": of the document, and the artifact type of what attaches it.
std::string_view media_type_of(SbomFormat format);
/// Inverse; nullopt for another type.
std::optional<SbomFormat> sbom_format_of(std::string_view media_type);

}  // namespace kiln::daemon
