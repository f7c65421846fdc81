#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/description.hpp"
#include "daemon/exec/run_spec.hpp"
#include "store/base/file.hpp"
#include "store/base/log.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kiln::exec {

/// The standard networks of builds: one network namespace a scope, with outgoing connections
/// through pasta(1), which takes far longer to start than a RUN; so after a build a spare one is
/// made for the next, and kept for a minute. No network ever serves two scopes. Where pasta can't
/// serve, RUN gets the host's network, its abstract sockets hidden where Landlock can.
/// Thread   any.
class Networks {
  public:
    using OpenSession = std::function<Result<Channel>()>;

    /// `program` is what becomes a network's helper (see network_helper.hpp), `pasta` what that
    /// runs; "" for none.
    Networks(std::string program, std::string pasta, OpenSession open_session, Log& log);
    Networks(const Networks&) = delete;
    Networks& operator=(const Networks&) = delete;
    ~Networks();

    /// The network of this scope, made when it is the first to ask; nullopt: the host's. The
    /// descriptor is the caller's.
    Result<std::optional<Fd>> join(std::string_view scope);
    /// Returns at once; the network ends soon after.
    void close(std::string_view scope);

    /// What the standard network is here, found out by making one.
    void describe(Description& description);
    /// What the spec leaves open: hosts and resolv.conf. `own` when the RUN has joined a network.
    static void fill_in(RunSpec& spec, bool own);

  private:
    class Network;

    /// With mutex_ held.
    Result<Network*> open(std::string_view scope);
    Result<std::unique_ptr<Network>> make();
    void keep_house(const std::stop_token& stop);

    std::string program_;
    std::string pasta_;
    OpenSession open_session_;
    Log& log_;
    std::mutex mutex_;
    std::optional<Error> refused_;  // why pasta can't serve here
    std::map<std::string, std::unique_ptr<Network>, std::less<>> networks_;
    std::unique_ptr<Network> spare_;
    std::vector<std::unique_ptr<Network>> closed_;  // to be ended
    std::condition_variable_any changed_;
    std::jthread housekeeper_;  // does what no build shall wait for; started by the first close()
};

}  // namespace kiln::exec
