#pragma once

#include "layers/conda/sbom/subject.hpp"

#include <string>

namespace kiln::conda {

inline constexpr std::string_view k_cyclonedx_media_type = "application/vnd.cyclonedx+json";

/// CycloneDX 1.5 as JSON: the image as a container, a library for each installed package, and what
/// each depends on.
std::string render_cyclonedx(const SbomSubject& subject);

}  // namespace kiln::conda
