#pragma once

#include "store/base/error.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::exec {

/// `count` ids from `inside` in the worker's user namespace are those from `outside` of the host.
struct IdRange {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t count = 0;
    bool operator==(const IdRange&) const = default;
};

enum class MapBy : std::uint8_t {
    kernel,     // kilnd may write the maps itself (root)
    newuidmap,  // the setuid programs of Debian's uidmap do
    own_id,     // nobody grants more than the user's own id
};

/// Which ids of the host the worker's user namespace is made of.
struct Identity {
    MapBy by = MapBy::own_id;
    std::vector<IdRange> uids;
    std::vector<IdRange> gids;
    std::string note;  // for people: why it isn't more

    /// The host's id of the worker's root: to whom the unpacked layers belong.
    [[nodiscard]] std::uint32_t root_uid() const { return uids.front().outside; }

    [[nodiscard]] std::uint32_t root_gid() const { return gids.front().outside; }
};

/// What decides: everything read from the machine, so that the choice is a pure function.
struct IdentityFacts {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string user_name;
    std::string own_uid_map;  // /proc/self/uid_map and gid_map: which ids exist here at all
    std::string own_gid_map;
    std::string subuid;  // /etc/subuid and /etc/subgid
    std::string subgid;
    bool has_newuidmap = false;
};

Identity choose_identity(const IdentityFacts& facts);
IdentityFacts read_identity_facts();

/// Gives the user namespace of `process` its ids.
/// Errors   permission, with what newuidmap says.
Result<void> write_identity(pid_t process, const Identity& identity);

/// Of the user namespace that the process is in, or of another, which it joins. Groups of the user
/// that kilnd runs as would open doors inside: they are given up, but where setgroups is denied (a
/// single id) they stay, unmapped.
Result<void> become_root();
Result<void> become_root_of(int user_namespace);

}  // namespace kiln::exec
