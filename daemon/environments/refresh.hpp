#pragma once

#include "daemon/build/build_table.hpp"
#include "daemon/environments/base_lookup.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

struct RefreshOrder {
    std::string workspace;
    std::vector<std::string> names;  // empty: all that are not archived
    std::optional<PullPolicy> pull;  // as BaseLookUp has it
    bool dry_run = false;
    bool push = true;                             // where the workspace has a registry
    std::map<std::string, NamedText> locks = {};  // by name: made for those that were unresolved
    std::optional<std::uint32_t> author;          // none: whoever made the version before
    std::map<std::string, Credential> credentials;
};

enum class RefreshStatus : std::uint8_t {
    current,     // its base is what it was
    moved,       // it has; dry run
    rebased,     // all layers above the base are the same bytes, and none looks at it
    rebuilt,     // something above looks at what lies below
    unresolved,  // the packages do not fit the new base: no version before somebody brings a lock
    unsent,      // packages of the client's host are not in the store: `env build` sends them
    failed,      // for `reason`; an archived one, too
};

std::string_view refresh_status_name(RefreshStatus status);

/// What became of one environment.
struct Refreshed {
    std::string name;
    std::string from_version;
    std::string to_version = {};  // empty: none was made
    RefreshStatus status = RefreshStatus::current;
    std::string base = {};  // the name of the image that moved
    std::optional<Digest> base_before = std::nullopt;
    std::optional<Digest> base_after = std::nullopt;
    bool is_old = false;            // the base came in more than 30 days ago
    std::uint64_t moved_bytes = 0;  // layers that the version before does not have
    std::optional<Digest> image = std::nullopt;
    std::string reason = {};  // why it is or was rebuilt, is unresolved or unsent, or failed
    /// What an unresolved one is resolved from.
    std::optional<UnresolvedEnvironment> unresolved = std::nullopt;
};

/// Looks the base names of environments up again, in their registries and the store, and makes the
/// next version of those whose base has moved: the packages stay as they are locked where the new
/// base satisfies what they ask of it, and with them every layer above the base. One that fails is
/// told of and stops no other.
/// Shape    in the order of the names.
/// Errors   not_found: a name; permission: the name of a curated one; cancelled.
/// Thread   the loop.
boost::asio::awaitable<Result<std::vector<Refreshed>>> refresh_environments(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const RefreshOrder> order
);

json::Value render_refreshed(const std::vector<Refreshed>& all);

}  // namespace kiln::daemon
