#pragma once

#include "daemon/build/known_layers.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/services.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// A file that a command of ours reads in the sandbox: a text, or a blob of the store.
struct RunFile {
    std::string path;  // in the image, without '/' in front
    std::string text;
    std::optional<Digest> content;
};

/// The files as a layer to lie below those of an image for one run: uncompressed, for it is read
/// once. `scratch` (a path) becomes a directory that anybody may write to.
/// Errors   not_found, corrupt: a content.
/// Thread   the pool.
Result<KnownLayer> layer_of_files(
    store::Store& store,
    const LayerWriting& writing,
    std::vector<RunFile> files,
    const std::string& scratch
);

}  // namespace kiln::daemon
