#include "daemon/api/resources.hpp"
#include "daemon/build/rebase.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

json::Value render(const RebasedImage& rebased) {
    return json::Object{
        {"digest", rebased.manifest.digest.render()},
        {"base_before", rebased.base_before.render()},
        {"base_after", rebased.base_after.render()},
        {"layers_before", rebased.layers_before},
        {"layers_after", rebased.layers_after},
        {"layers_kept", rebased.layers_kept},
        {"bytes_exchanged", rebased.bytes_exchanged}};
}

Awaitable<Result<void>> post_rebase(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto request = RebaseRequest::parse(*body);
    if (!request) {
        co_return fail(request.error());
    }
    auto work = [&services, wanted = std::move(*request)] {
        return rebase(services.store, wanted);
    };
    const auto rebased = co_await run_on(services.pool, std::move(work));
    if (!rebased) {
        co_return fail(rebased.error());
    }
    json::Value answer = render(*rebased);
    co_return co_await exchange.respond_json(200, std::move(answer));
}

}  // namespace

void add_rebase_routes(Router& router, Services& services) {
    router.add("POST", "/v1/images/rebase", [&services](Exchange& exchange, Parameters) {
        return post_rebase(exchange, services);
    });
}

}  // namespace kiln::daemon
