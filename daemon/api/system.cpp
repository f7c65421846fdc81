#include "daemon/api/openapi.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/version.hpp"

#include <unistd.h>

#include <map>

namespace kiln::daemon {
namespace {

json::Value render_system(const SystemFacts& facts, const exec::Description& description) {
    json::Array checks;
    for (const exec::Check& check : description.checks) {
        checks.push_back(json::Object{
            {"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
    }
    return json::Object{
        {"version", k_version},
        {"api", "v1"},
        {"root", facts.root},
        {"pid", ::getpid()},
        {"started", render_time(facts.started)},
        {"rung",
         json::Object{
             {"number", description.rung},
             {"name", description.name},
             {"reason", description.reason}}},
        {"network",
         json::Object{
             {"default", description.network_name}, {"reason", description.network_reason}}},
        {"workers", facts.workers},
        {"checks", std::move(checks)},
    };
}

Awaitable<Result<void>> get_system(Exchange& exchange, Services& services, SystemFacts facts) {
    auto describe = [&services] { return services.executor.describe(); };
    const exec::Description description = co_await run_on(services.waiters, std::move(describe));
    co_return co_await exchange.respond_json(200, render_system(facts, description));
}

/// Prometheus text exposition format 0.0.4.
std::string render_metrics(const SystemFacts& facts, const BuildTable& builds, UnixSeconds now) {
    std::map<std::string_view, std::size_t> by_status;
    for (const auto& job : builds.all()) {
        ++by_status[name_of(job->status())];
    }
    std::string text =
        "# HELP kiln_jobs Jobs the daemon remembers, by status.\n"
        "# TYPE kiln_jobs gauge\n";
    for (const auto& [status, count] : by_status) {
        text += fmt::format("kiln_jobs{{status=\"{}\"}} {}\n", status, count);
    }
    text += fmt::format(
        "# HELP kiln_uptime_seconds Seconds since the daemon started.\n"
        "# TYPE kiln_uptime_seconds counter\nkiln_uptime_seconds {}\n"
        "# HELP kiln_info Constant 1, labelled with the version.\n"
        "# TYPE kiln_info gauge\nkiln_info{{version=\"{}\"}} 1\n",
        now - facts.started,
        k_version
    );
    return text;
}

}  // namespace

void add_system_routes(
    Router& router, Services& services, SystemFacts facts, const BuildTable& builds
) {
    router.add("GET", "/v1/system", [&services, facts](Exchange& exchange, Parameters) {
        return get_system(exchange, services, facts);
    });
    router.add("GET", "/metrics", [&services, &builds, facts](Exchange& exchange, Parameters) {
        return exchange.respond(
            200, "text/plain; version=0.0.4", render_metrics(facts, builds, services.clock.now())
        );
    });
    router.add("GET", "/v1/openapi.json", [](Exchange& exchange, Parameters) {
        return exchange.respond(200, "application/json", std::string(openapi_document()));
    });
}

}  // namespace kiln::daemon
