#pragma once

#include "daemon/build/source_tree.hpp"
#include "layers/dockerfile/owner.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::daemon {

struct Identity {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> supplementary_gids;  // sorted
    std::string home = "/";
};

/// The numbers behind --chown=user[:group]: names are looked up in etc/passwd and etc/group of the
/// image being built; a user without a group is its own number's group, as docker does. Errors
/// not_found, naming the user or group.
Result<Identity> resolve_owner(const SourceTree& files, const dockerfile::Owner& owner);

/// The numbers behind USER: "" is root; without a group the user's own, and the groups that list
/// the user. Among the groups of anyone but root is their own.
Result<Identity> resolve_user(const SourceTree& files, const std::string& user);

}  // namespace kiln::daemon
