#pragma once

#include "layers/oci/image_config.hpp"
#include "layers/oci/manifest.hpp"
#include "store/descriptor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// An image in the store: its manifest and config, parsed. layers()[i] has diff_id
/// config.diff_ids[i].
struct Image {
    Descriptor manifest_descriptor;
    oci::Manifest manifest;
    oci::ImageConfig config;
};

}  // namespace kiln::daemon
