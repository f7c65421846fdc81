#pragma once

#include "layers/oci/image_config.hpp"
#include "layers/oci/manifest.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

/// A rebase exchanges the layers of a base image below another image; the layers above it stay byte
/// for byte. The result is what a build of the same steps on the new base would give:
///
/// Layers    those of the new base, then the image's own.
/// History   that of the new base, then the image's own entries: what follows the old base's.
/// Config    of each field the new base's value, unless the image's own steps set it: its value is
///           not the old base's, or its history has the instruction. Variables, labels, ports and
///           volumes are told one by one. A variable whose own value holds that of the old base
///           between ':' and its ends (PATH=/opt/env/bin:$PATH) gets the new base's there; kiln's
///           history has the instructions as they were written, which are followed. An ENTRYPOINT
///           of the image drops a CMD of the base, as in a build.
/// created, triggers of ONBUILD and annotations are the image's; the platform is the base's.
///
/// Not told by an image: variables that foreign builders expanded into other variables.

/// Whether the layers of `base` are the lowest ones of `image`, by diff_id.
bool stands_on(const ImageConfig& image, const ImageConfig& base);

enum class LayerOrigin : std::uint8_t {
    run,          // a command ran on what lies below
    copy_linked,  // COPY --link: looks at nothing below
    conda,        // packages of a conda environment
    other,        // COPY, ADD, WORKDIR, what other builders write
    untold,       // the history has no entry for it
};

/// A layer above the base, and what its history says.
struct UpperLayer {
    std::size_t index = 0;  // among all layers of the image
    LayerOrigin origin = LayerOrigin::untold;
    std::string created_by;
};

/// The three images of a rebase, as their configs tell them; `image` stands on `before`.
struct Rebase {
    const ImageConfig& image;
    const ImageConfig& before;
    const ImageConfig& after;
};

std::vector<UpperLayer> upper_layers(const Rebase& rebase);

/// Whether the documents allow it; what lies in the layers is the caller's to look at.
/// Errors   unsupported, with the step and a hint: a RUN step or a layer without history above the
///          base, ONBUILD triggers of the new base, another platform, a step that took up a
///          variable or working directory which the bases have differently; too_large: too many
///          layers; invalid_input: the image does not stand on the base.
Result<void> check_rebase(const Rebase& rebase);

/// The config on the new base. Shape    check_rebase() holds.
ImageConfig rebased_config(const Rebase& rebase);

/// Names of the layers on the new base, bottom first: descriptors of `after`, then those of `image`
/// from `lower` on.
std::vector<Descriptor> rebased_layers(
    const Manifest& image, const Manifest& after, std::size_t lower
);

}  // namespace kiln::oci
