#pragma once

#include "daemon/build/request.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"
#include "store/descriptor.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// An image that a definition names, and the manifest that the name stood for.
struct PinnedImage {
    std::string name;  // as written
    Descriptor manifest;
    bool operator==(const PinnedImage&) const = default;
};

/// Docker steps with the texts that the client read.
struct DockerInputs {
    NamedText dockerfile;
    std::optional<NamedText> ignore;
    Digest context;  // of the listing
    /// What FROM and `COPY --from` name outside of the file, by the name as written.
    std::map<std::string, Descriptor> images;
};

/// All that a version of an environment was made from: enough to build it again, whatever has moved
/// since. Bytes beyond these texts are in the store, and kept there by the version.
struct EnvironmentInputs {
    NamedText definition;  // as written
    std::optional<PinnedImage> base;
    std::optional<DockerInputs> docker;
    /// The specification or lock, wherever it was written.
    std::optional<NamedText> conda;
    /// Of the workspace it was made in, instead of those of the daemon; as configured then.
    std::vector<std::string> default_channels;

    /// Every image that it stands on: its base, or those of its Dockerfile.
    [[nodiscard]] std::vector<PinnedImage> bases() const;
    [[nodiscard]] std::string render() const;
    /// Inverse of render(). Errors   corrupt.
    static Result<EnvironmentInputs> parse(std::string_view text);
};

}  // namespace kiln::daemon
