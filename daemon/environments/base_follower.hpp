#pragma once

#include "daemon/build/build_table.hpp"
#include "daemon/runtime/signal.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kiln::daemon {

/// Environments that say `auto_rebuild: on_base_image_update` follow their bases: once a name that
/// one stands on means another image in the store (a load, pull, tag or build has set it), it gets
/// its next version as `kiln env refresh NAME` makes it. Only latest versions that are not archived
/// follow; no registry is asked and nothing is pushed, as nobody's credentials are there; a version
/// whose packages would have to be resolved is left to its users. What cannot be done is told in
/// the job and the log, and tried again when the name moves once more.
/// Thread   the loop.
class BaseFollower {
  public:
    BaseFollower(Services& services, BuildTable& builds);
    BaseFollower(const BaseFollower&) = delete;
    BaseFollower& operator=(const BaseFollower&) = delete;
    ~BaseFollower();

    /// For as long as the daemon runs, one job at a time; begins with what moved before it started.
    boost::asio::awaitable<void> run();
    /// No further job is started.
    void stop();

  private:
    /// Names of environments, by workspace.
    using Due = std::map<std::string, std::vector<std::string>>;
    /// Names of bases, and what they stood for.
    using Pins = std::vector<std::pair<std::string, Digest>>;

    Result<Due> find_due();
    Result<bool> is_due(const store::EnvironmentVersion& version);
    Result<Pins> followed_by(const store::EnvironmentVersion& version);
    boost::asio::awaitable<void> refresh(std::string workspace, std::vector<std::string> names);

    Services& services_;
    BuildTable& builds_;
    Signal rung_;
    bool has_rung_ = false;
    bool stopped_ = false;
    // Of one find_due() after the other.
    std::map<Digest, Pins> followed_;  // by inputs; empty for those that do not follow
    std::set<std::pair<std::string, Digest>> tried_;  // a version, and what it was to stand on
};

}  // namespace kiln::daemon
