#include "daemon/api/router.hpp"

#include <algorithm>
#include <optional>

namespace kiln::daemon {
namespace {

std::optional<Parameters> match(
    const std::vector<std::string>& segments, const std::vector<std::string>& path
) {
    if (segments.size() != path.size()) {
        return std::nullopt;
    }
    Parameters parameters;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (segments[i].starts_with('{')) {
            parameters.push_back(path[i]);
        } else if (segments[i] != path[i]) {
            return std::nullopt;
        }
    }
    return parameters;
}

}  // namespace

void Router::add(std::string method, std::string_view pattern, Handler handler) {
    const auto target = Target::parse(pattern);
    ASSERT(target.has_value());
    routes_.push_back(Route{
        std::move(method), target->path, std::string(pattern), std::move(handler)});
}

Awaitable<Result<void>> Router::dispatch(Exchange& exchange) const {
    std::string allowed;
    const bool head = exchange.method() == "HEAD";
    for (const Route& route : routes_) {
        auto parameters = match(route.segments, exchange.target().path);
        if (!parameters) {
            continue;
        }
        if (route.method == exchange.method() || (head && route.method == "GET")) {
            co_return co_await route.handler(exchange, std::move(*parameters));
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (!allowed.empty()) {
        co_return fail(
            Code::unsupported, "{} is not for this path; it takes {}", exchange.method(), allowed
        );
    }
    std::string path;
    for (const std::string& segment : exchange.target().path) {
        path += "/" + segment;
    }
    co_return fail(Code::not_found, "there is nothing at {}", path);
}

std::vector<std::string> Router::routes() const {
    std::vector<std::string> names;
    for (const Route& route : routes_) {
        names.push_back(route.method + " " + route.pattern);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace kiln::daemon
