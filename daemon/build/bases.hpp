#pragma once

#include "daemon/build/graph.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/request.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kiln::daemon {

/// "registry.example/base:1", not "debian:12": that is docker.io's only where somebody says that a
/// registry is meant; as the name of a base it is first of all one of the store.
bool names_a_registry(const std::string& reference);

/// Finds the images that a build begins with, as its `pull` wants it, and notes those that must
/// come out of a registry first: with `missing`, what the store lacks and whose name says which
/// registry it is in ("registry.example/base:1"); with `always`, every name, as docker has it.
/// Thread   the pool.
class BaseResolver {
  public:
    BaseResolver(store::Store& store, const BuildRequest& request)
        : store_(store),
          request_(request) {}

    /// Errors   not_found; conflict for a name that is now in lacking().
    Result<Image> find(const std::string& reference);

    [[nodiscard]] const std::vector<std::string>& lacking() const { return lacking_; }

    /// Names that were found mean the same from now on, whoever moves them in the store; no other
    /// one becomes lacking.
    void hold();

    /// Each lacking name was pulled, or could not be: find() answers with that from now on.
    void settle(const std::string& reference, Result<void> pulled);

    /// What a name means from now on, whatever the store says.
    void take(const std::string& reference, const Descriptor& manifest) {
        taken_.insert_or_assign(reference, manifest);
    }

  private:
    [[nodiscard]] bool comes_from_registry(const std::string& reference, bool stored) const;

    store::Store& store_;
    const BuildRequest& request_;
    std::map<std::string, Descriptor> taken_;
    std::map<std::string, Descriptor> found_;
    std::map<std::string, Result<void>> settled_;
    std::vector<std::string> lacking_;
    bool held_ = false;
};

/// The request's Dockerfile as a graph. Errors   those of the Dockerfile and of bases.find(), with
/// the place.
Result<BuildGraph> plan_request(
    const BuildRequest& request, BaseResolver& bases, const Activations& activations = {}
);

/// The graph, given what environments set where they lie by now. Thread   the pool, one at a time.
using PlanAgain = std::function<Result<BuildGraph>(const Activations&)>;

struct PlannedBuild {
    BuildGraph graph;
    PlanAgain again;  // on the same bases
};

/// The same, with what must be pulled pulled. Bases keep their names in the store, so that a later
/// build needs no network.
/// Errors   those of plan_request() and pull_image().
/// Thread   the loop.
boost::asio::awaitable<Result<PlannedBuild>> plan_with_bases(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const BuildRequest> request,
    const store::Lease& lease
);

}  // namespace kiln::daemon
