#pragma once

#include "daemon/build/request.hpp"
#include "daemon/conda/repodata_files.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/solve/solve.hpp"
#include "layers/conda/spec/virtual_package.hpp"
#include "layers/oci/platform.hpp"
#include "store/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// How a lock is written.
enum class LockFormat : std::uint8_t { kiln, explicit_list, conda_lock };

/// One specification (or lock, to be written in another form) as a client wants it locked, parsed
/// into types.
struct LockRequest {
    NamedText input;
    std::string platform;                 // "linux-64"; empty: of the base, or this host's
    std::string environment;              // of a lock that holds several
    std::vector<std::string> categories;  // the same
    std::optional<std::string> base;      // the image that the packages will stand on
    std::vector<std::string> channels;    // instead of the configured default channels
    /// The client's, as a file:// URL: "./channel" in the text counts from it (cep-24). Empty:
    /// there is none, and such a channel is refused.
    std::string directory;
    std::vector<conda::VirtualOverride> virtual_packages;
    std::optional<conda::ChannelPriority> priority;
    std::vector<conda::RequestedSpec> pins;  // beside those of the configuration
    LockFormat format = LockFormat::kiln;
    RepodataFiles files;

    /// Errors   invalid_input naming the field.
    static Result<LockRequest> parse(const json::Value& value);
};

/// "linux-64" for "linux/amd64"; other names stay as they are.
/// Errors   invalid_input: neither.
Result<std::string> conda_platform(std::string_view written);
Result<std::string> conda_platform(const oci::Platform& platform);

/// "json", "explicit", "conda-lock". Errors   invalid_input.
Result<LockFormat> parse_lock_format(std::string_view name);

/// Errors   invalid_input: no MatchSpec, or one that names no package, or brings credentials.
Result<std::vector<conda::RequestedSpec>> parse_pins(const std::vector<std::string>& written);
/// What is written of a specification is kept in locks, which credentials must not.
bool brings_credentials(const conda::MatchSpec& spec);

std::string_view name_of(conda::ChannelPriority priority);
std::optional<conda::ChannelPriority> parse_priority(std::string_view name);

}  // namespace kiln::daemon
