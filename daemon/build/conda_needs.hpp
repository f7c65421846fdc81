#pragma once

#include "daemon/build/graph.hpp"
#include "daemon/build/request.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The request's Dockerfile as a graph, with the images of the store as bases.
/// Errors   those of the Dockerfile, with the place; not_found for a base.
Result<BuildGraph> plan_request(store::Store& store, const BuildRequest& request);

/// What of a request's conda contexts is not here.
struct CondaNeeds {
    std::vector<Digest> lacking;
    /// Packages that a lock names by a path and the request does not by digest, as written.
    std::map<std::string, std::vector<std::string>> files;  // by context
    /// Specifications, which must be locked first (POST /v1/conda/locks), and the image that the
    /// environment will stand on; nullopt: nobody copies it onto an image.
    std::map<std::string, std::optional<Digest>> unresolved;  // by context
};

/// Adds those of one context. Errors   those of conda::read_conda_input().
/// Shape    false: it is a specification, and nothing was added.
Result<bool> add_needs(
    CondaNeeds& needs, store::Store& store, const std::string& name, const CondaContext& context
);

/// Of all contexts. Errors   those of conda::read_conda_input(); where something is unresolved, of
/// plan_request(). Thread   the pool.
Result<CondaNeeds> find_conda_needs(store::Store& store, const BuildRequest& request);

}  // namespace kiln::daemon
