#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/description.hpp"
#include "daemon/exec/run_spec.hpp"
#include "store/base/file.hpp"
#include "store/base/log.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::exec {

/// The standard networks of builds: one network namespace a scope, with outgoing connections
/// through pasta(1), which takes too long to start (see tests/bench) to have one a RUN. Where pasta
/// can't serve, RUN gets the host's network, its abstract sockets hidden where Landlock can.
/// Thread   any.
class Networks {
  public:
    explicit Networks(Log& log)
        : log_(log) {}

    /// The network of this scope, made when it is the first to ask; nullopt: the host's.
    Result<std::optional<Fd>> join(
        std::string_view scope, const std::function<Result<Channel>()>& open_session
    );
    void close(std::string_view scope);

    void describe(Description& description);
    /// What the spec leaves open: hosts and resolv.conf.
    void fill_in(RunSpec& spec);

  private:
    Log& log_;
};

}  // namespace kiln::exec
