#include "daemon/api/resources.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

Result<std::string> document(store::Store& store, const std::string& name, SbomFormat format) {
    const store::Lease lease = store.lease();
    TRY_ASSIGN(Installation installation, Installation::open(store, lease, name));
    return render_sbom(installation, installation.ref.target.digest, format);
}

Awaitable<Result<void>> get_sbom(Exchange& exchange, Services& services, std::string name) {
    const auto format = parse_sbom_format(exchange.target().first("format").value_or("spdx"));
    if (!format) {
        co_return fail(format.error());
    }
    auto work = [&services, image = std::move(name), format = *format] {
        return document(services.store, image, format);
    };
    auto text = co_await run_on(services.waiters, std::move(work));
    if (!text) {
        co_return fail(text.error());
    }
    co_return co_await exchange.respond(200, media_type_of(*format), std::move(*text));
}

}  // namespace

void add_sbom_routes(Router& router, Services& services) {
    router.add("GET", "/v1/images/{name}/sbom", [&services](Exchange& exchange, Parameters of) {
        return get_sbom(exchange, services, of[0]);
    });
}

}  // namespace kiln::daemon
