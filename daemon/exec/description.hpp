#pragma once

#include "store/base/clock.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::exec {

/// One thing the machine must allow, and whether it does.
struct Check {
    std::string name;  // "user namespaces"
    bool ok = false;
    std::string detail;  // what was found; when not ok, the setting that stands in the way
    bool operator==(const Check&) const = default;
};

/// What `kiln info` shows (house.md, "Running a RUN": the ladder).
struct Description {
    int rung = 4;
    std::string name;          // "sandbox"; "none" when RUN is impossible
    std::string reason;        // why this rung, and why not a better one
    std::string network_name;  // what Network::standard is here: "pasta", "host-scoped" or "host"
    std::string network_reason;
    std::vector<Check> checks;
};

struct UnpackedLayer {
    Digest diff_id;
    std::uint64_t size_bytes = 0;  // on disk, as du(1) counts
    UnixSeconds last_use = 0;
};

}  // namespace kiln::exec
