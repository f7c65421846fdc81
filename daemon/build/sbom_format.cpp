#include "daemon/build/sbom_format.hpp"

#include "layers/conda/sbom/cyclonedx.hpp"
#include "layers/conda/sbom/spdx.hpp"

namespace kiln::daemon {

Result<SbomFormat> parse_sbom_format(std::string_view name) {
    if (name == "spdx") {
        return SbomFormat::spdx;
    }
    if (name == "cyclonedx") {
        return SbomFormat::cyclonedx;
    }
    return fail(
        Code::invalid_input,
        "a bill of materials is spdx or cyclonedx, not \"{}\"",
        name.substr(0, 64)
    );
}

std::string_view media_type_of(SbomFormat format) {
    switch (format) {
        case SbomFormat::spdx:
            return conda::k_spdx_media_type;
        case SbomFormat::cyclonedx:
            return conda::k_cyclonedx_media_type;
    }
    return {};
}

std::optional<SbomFormat> sbom_format_of(std::string_view media_type) {
    for (const SbomFormat format : {SbomFormat::spdx, SbomFormat::cyclonedx}) {
        if (media_type == media_type_of(format)) {
            return format;
        }
    }
    return std::nullopt;
}

}  // namespace kiln::daemon
