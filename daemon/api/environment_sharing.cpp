#include "daemon/api/resources.hpp"
#include "daemon/environments/curation.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/request.hpp"
#include "daemon/environments/sharing.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

using json::Value;

struct ShareRequest {
    std::string workspace;
    std::string environment;
    ShareOrder order;
};

Result<ShareRequest> parse_share(const Value& body) {
    json::ObjectReader in(body, "the share request");
    ShareRequest request;
    request.workspace = in.text_or("workspace", k_default_workspace);
    request.environment = in.text("environment");
    request.order.destination = in.text("destination");
    TRY_ASSIGN(request.order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    return request;
}

Result<ImportOrder> parse_import(const Value& body) {
    json::ObjectReader in(body, "the import request");
    ImportOrder order;
    order.workspace = in.text_or("workspace", k_default_workspace);
    order.reference = in.text("reference");
    TRY_ASSIGN(order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    TRY(check_workspace_name(order.workspace));
    return order;
}

Awaitable<Result<void>> post_share(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto request = parse_share(*body);
    if (!request) {
        co_return fail(std::move(request).error());
    }
    auto look = [&services, &request] {
        return find_environment(services.store, request->workspace, request->environment);
    };
    auto version = co_await run_on(services.pool, std::move(look));
    if (!version) {
        co_return fail(std::move(version).error());
    }
    request->order.version = std::move(*version);
    const auto order = std::make_shared<const ShareOrder>(std::move(request->order));
    BuildTable::Work work = [&services, order](std::shared_ptr<Job> job) {
        return share_environment(services, std::move(job), order);
    };
    co_return co_await respond_job_events(
        exchange, builds, "env share " + request->environment, std::move(work)
    );
}

Awaitable<Result<void>> post_import(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = parse_import(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    parsed->author = exchange.peer().uid;
    const auto order = std::make_shared<const ImportOrder>(std::move(*parsed));
    BuildTable::Work work = [&services, order](std::shared_ptr<Job> job) {
        return import_environment(services, std::move(job), order);
    };
    co_return co_await respond_job_events(
        exchange, builds, "env import " + order->reference, std::move(work)
    );
}

Result<CurateOrder> parse_curation(const Value& body) {
    json::ObjectReader in(body, "the curation request");
    CurateOrder order;
    order.workspace = in.text_or("workspace", k_default_workspace);
    order.source = in.text("source");
    TRY_ASSIGN(order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    TRY(check_workspace_name(order.workspace));
    return order;
}

Awaitable<Result<void>> post_curation(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = parse_curation(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    parsed->author = exchange.peer().uid;
    const auto order = std::make_shared<const CurateOrder>(std::move(*parsed));
    BuildTable::Work work = [&services, order](std::shared_ptr<Job> job) {
        return curate_environments(services, std::move(job), order);
    };
    co_return co_await respond_job_events(
        exchange, builds, "env curate " + order->source, std::move(work)
    );
}

}  // namespace

void add_environment_sharing_routes(Router& router, Services& services, BuildTable& builds) {
    router.add(
        "POST",
        "/v1/environment-shares",
        [&services, &builds](Exchange& exchange, Parameters) {
            return post_share(exchange, services, builds);
        }
    );
    router.add(
        "POST",
        "/v1/environment-curations",
        [&services, &builds](Exchange& exchange, Parameters) {
            return post_curation(exchange, services, builds);
        }
    );
    router.add(
        "POST",
        "/v1/environment-imports",
        [&services, &builds](Exchange& exchange, Parameters) {
            return post_import(exchange, services, builds);
        }
    );
}

}  // namespace kiln::daemon
