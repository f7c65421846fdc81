#pragma once

#include "daemon/api/exchange.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// The parts of the path that a route leaves open, in order: "{name}".
using Parameters = std::vector<std::string>;
using Handler = std::function<Awaitable<Result<void>>(Exchange&, Parameters)>;

/// Which handler answers which method and path. 404 and 405 are decided here and nowhere else; HEAD
/// is answered by GET's handler.
class Router {
  public:
    /// `pattern` as in the OpenAPI description: "/v1/images/{name}/layers".
    void add(std::string method, std::string_view pattern, Handler handler);
    /// Errors   not_found, or unsupported (405) naming what the path takes; those of the handler.
    Awaitable<Result<void>> dispatch(Exchange& exchange) const;
    /// "GET /v1/images", sorted: checked against the OpenAPI description.
    [[nodiscard]] std::vector<std::string> routes() const;

  private:
    struct Route {
        std::string method;
        std::vector<std::string> segments;
        std::string pattern;
        Handler handler;
    };

    std::vector<Route> routes_;
};

}  // namespace kiln::daemon
