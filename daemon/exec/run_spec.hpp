#pragma once

#include "layers/layer.hpp"
#include "store/base/clock.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::exec {

enum class Network : std::uint8_t {
    standard,  // "default": outgoing connections, nothing of the host's own
    none,      // loopback only
    host,      // the host's network as it is
};

/// House rule of time: in a RUN layer every mtime later than the step's start becomes the epoch.
enum class Timestamps : std::uint8_t { fixed, keep };

/// One layer below a RUN. `table_fd` is its table of contents (the mapped file beside the blobs)
/// and stays the caller's; it is read only.
struct LowerLayer {
    Digest diff_id;
    int table_fd = -1;
};

/// A layer to be laid out as a directory. Both descriptors stay the caller's.
struct UnpackRequest {
    Digest diff_id;
    int blob_fd = -1;
    Dress dress;
};

struct RunSpec {
    std::vector<LowerLayer> layers;        // bottom first; all unpacked before
    std::vector<std::string> arguments;    // at least one; looked up in the environment's PATH
    std::vector<std::string> environment;  // "NAME=value", exactly what the command gets
    std::string working_directory = "/";   // must exist
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> supplementary_gids;
    Network network = Network::standard;
    /// RUNs of one scope (a build id) share the standard network; others never meet in it.
    std::string network_scope;
    std::string hostname = "localhost";
    /// Shown as /etc/hosts and /etc/resolv.conf, never in the layer. nullopt: what fits `network`.
    std::optional<std::string> hosts;
    std::optional<std::string> resolv_conf;
    Timestamps timestamps = Timestamps::fixed;
    UnixSeconds epoch = k_default_epoch;
};

/// How the command ended. Exactly one of the two says something: a signal, or the exit code.
struct Outcome {
    int exit_code = 0;
    std::optional<int> signal;

    [[nodiscard]] bool succeeded() const { return exit_code == 0 && !signal; }

    bool operator==(const Outcome&) const = default;
};

}  // namespace kiln::exec
