#include "layers/conda/spec/version.hpp"

#include "layers/conda/spec/version_segments.hpp"

namespace kiln::conda {

Result<Version> Version::parse(std::string_view text) {
    VersionSegments segments;
    TRY(segments.parse(text));
    Version version;
    version.text_ = text;
    version.key_ = segments.key();
    return version;
}

}  // namespace kiln::conda
