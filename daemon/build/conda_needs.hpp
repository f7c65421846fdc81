#pragma once

#include "daemon/build/graph.hpp"
#include "daemon/build/request.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The image under the first stage that takes a conda context in; nullopt: none does, or it grew
/// from nothing.
std::optional<Digest> image_under(const BuildGraph& graph, const std::string& context);

/// What of a request's conda contexts is not here.
struct CondaNeeds {
    std::vector<Digest> lacking;
    /// Packages that a lock names by a path and the request does not by digest, as written.
    std::map<std::string, std::vector<std::string>> files;  // by context
    /// Specifications, which must be locked first (POST /v1/conda/locks), and the image that the
    /// environment will stand on; nullopt: nobody copies it onto an image.
    std::map<std::string, std::optional<Digest>> unresolved;  // by context
    /// Bases that must be pulled before it is known which image that is.
    std::vector<std::string> pulls;
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
