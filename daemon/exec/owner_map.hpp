#pragma once

#include "daemon/exec/identity.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::exec {

/// The host's id of one of the sandbox's; nullopt when that does not exist there.
std::optional<std::uint32_t> host_id(const std::vector<IdRange>& sandbox, std::uint32_t id);

enum class Lends : std::uint8_t {
    own_files,  // an ordinary user: all other owners are nobody, and what is theirs can't be
                // written
    all_files,  // root: all other owners are seen with the numbers that they have on the host
};

/// How the owners of lent files are seen in the sandbox: in each range `inside` is on disk, and
/// `outside` is the host's id of who it is in the sandbox. The lender is the command's user.
/// Errors   invalid_input when the sandbox has no such user.
Result<std::vector<IdRange>> map_owners(
    const std::vector<IdRange>& sandbox, std::uint32_t lender, std::uint32_t command, Lends lends
);

/// As /proc/PID/uid_map takes it.
std::string render_map(const std::vector<IdRange>& ranges);

}  // namespace kiln::exec
