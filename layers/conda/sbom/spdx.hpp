#pragma once

#include "layers/conda/sbom/subject.hpp"

#include <string>

namespace kiln::conda {

inline constexpr std::string_view k_spdx_media_type = "application/spdx+json";

/// SPDX 2.3 as JSON: the image, a package for each installed one, CONTAINS and DEPENDS_ON.
std::string render_spdx(const SbomSubject& subject);

}  // namespace kiln::conda
