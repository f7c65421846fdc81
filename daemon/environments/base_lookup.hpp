#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/environments/inputs.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Bases that have been here for longer are worth a look.
inline constexpr UnixSeconds k_old_base_seconds = UnixSeconds{30} * 24 * 60 * 60;

/// Since when an image is there: what its config says, where that is a time (later than the epoch
/// that builds have without one), else when the name came to stand for it, and at the latest when
/// it was pinned. Errors   those of the index. Thread   the pool.
Result<UnixSeconds> base_since(store::Store& store, const PinnedImage& base, UnixSeconds pinned);

/// The images that the environments of a workspace stand on now: each name and what it stood for,
/// since when it is there, and who stands on it. Thread   the pool.
Result<json::Value> render_bases(Services& services, const std::string& workspace);

/// A name as a definition has it, and for which platform ("" is the host's).
struct BaseName {
    std::string name;
    std::string platform;
    std::strong_ordering operator<=>(const BaseName&) const = default;
};

struct BaseLookUp {
    /// Names that are looked for in their registries: none given, those that say which registry
    /// they are in; missing, of these what the store lacks; always, all; never, none.
    std::optional<PullPolicy> pull;
    bool dry_run = false;  // what has moved is fetched, but no name is set
    CredentialsByHost credentials;
};

/// What names stand for in their registries now, where that is something new.
struct BasesNow {
    std::map<BaseName, Descriptor> images;  // manifests, in the store
    std::map<BaseName, Error> failures;
};

/// One request a name, and a pull of those that have moved since they were last pulled. A name with
/// a digest does not move. A name that is in the store only stays what it is there.
/// Errors   cancelled; one name's failure is told beside the others.
/// Thread   the loop. `lease` keeps the images.
boost::asio::awaitable<Result<BasesNow>> look_up_bases(
    Services& services,
    std::shared_ptr<Job> job,
    std::set<BaseName> names,
    BaseLookUp look_up,
    const store::Lease& lease
);

}  // namespace kiln::daemon
