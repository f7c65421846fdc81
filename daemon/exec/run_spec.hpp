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

/// What a command may do in a piece of the host that it sees.
enum class MountRights : std::uint8_t {
    lender,  // what its lender may, see lent_mounts.hpp; no devices, no setuid programs
    anyone,  // what anyone may; no devices, no setuid programs
    device,  // a device node, with what its mode gives anyone
};

/// A directory or file of the host that is seen in the image.
struct HostMount {
    int fd = -1;              // what it is; O_PATH is enough; stays the caller's
    std::string destination;  // absolute, within the image; made where it is absent
    bool read_only = false;
    MountRights rights = MountRights::lender;
};

/// The user whose files are lent: ids of the host.
struct Lender {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

struct RunSpec {
    std::vector<LowerLayer> layers;        // bottom first; all unpacked before
    std::vector<std::string> arguments;    // at least one; looked up in the environment's PATH
    std::vector<std::string> environment;  // "NAME=value", exactly what the command gets
    std::string working_directory = "/";   // must exist
    bool make_working_directory = false;   // or is made, with its parents
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
    std::vector<HostMount> mounts;  // each on top of those before it
    Lender lender;
    int input = -1;  // the command's stdin, which stays the caller's; -1: /dev/null
    /// A pipe whose bytes are numbers of signals for the command; stays the caller's.
    int signals = -1;
};

/// How the command ended. Exactly one of the two says something: a signal, or the exit code.
struct Outcome {
    int exit_code = 0;
    std::optional<int> signal;

    [[nodiscard]] bool succeeded() const { return exit_code == 0 && !signal; }

    bool operator==(const Outcome&) const = default;
};

}  // namespace kiln::exec
