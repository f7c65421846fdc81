#include "daemon/api/resources.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/pull.hpp"
#include "daemon/build/push.hpp"
#include "daemon/build/registry_access.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"

namespace kiln::daemon {
namespace {

struct PushRequest {
    std::string name;
    PushOrder order;
};

Result<PushRequest> parse_push(const json::Value& body) {
    json::ObjectReader in(body, "the push request");
    PushRequest request;
    request.name = in.text("name");
    request.order.destination = in.text_or("destination", request.name);
    if (const auto name = in.optional_text("compression")) {
        request.order.compression = parse_compression(*name);
        if (!request.order.compression || request.order.compression == Compression::none) {
            return fail(Code::invalid_input, "compression \"{}\" is neither zstd nor gzip", *name);
        }
    }
    request.order.force_compression = in.boolean_or("force_compression", false);
    TRY_ASSIGN(request.order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    return request;
}

Awaitable<Result<void>> post_push(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto request = parse_push(*body);
    if (!request) {
        co_return fail(request.error());
    }
    auto look = [&services, name = request->name] { return find_image(services.store, name); };
    const auto ref = co_await run_on(services.pool, std::move(look));
    if (!ref) {
        co_return fail(ref.error());
    }
    PushOrder order = request->order;
    order.source = ref->target;
    BuildTable::Work work = [&services,
                             order](std::shared_ptr<Job> job) -> Awaitable<Result<ResultEvent>> {
        const auto pushed = co_await push_image(services, job, order);
        if (!pushed) {
            co_return fail(pushed.error());
        }
        ResultEvent result;
        result.image = pushed->digest;
        co_return result;
    };
    co_return co_await respond_job_events(
        exchange, builds, "push " + request->name, std::move(work)
    );
}

Result<PullOrder> parse_pull(const json::Value& body) {
    json::ObjectReader in(body, "the pull request");
    PullOrder order;
    order.reference = in.text("name");
    order.names = {order.reference};
    order.platform = in.text_or("platform", "");
    order.referrers = in.texts_or_empty("referrers");
    TRY_ASSIGN(order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    return order;
}

Awaitable<Result<void>> post_pull(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto order = parse_pull(*body);
    if (!order) {
        co_return fail(order.error());
    }
    BuildTable::Work work = [&services, order = *order](std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        const store::Lease lease = services.store.lease();
        const auto pulled = co_await pull_image(services, job, order, lease);
        if (!pulled) {
            co_return fail(pulled.error());
        }
        ResultEvent result;
        result.image = pulled->manifest.digest;
        result.config = pulled->config.digest;
        co_return result;
    };
    co_return co_await respond_job_events(
        exchange, builds, "pull " + order->reference, std::move(work)
    );
}

struct Login {
    std::string host;
    registry::Credentials credentials;
};

Result<Login> parse_login(const json::Value& body) {
    json::ObjectReader in(body, "the login request");
    Login login;
    login.host = in.text("host");
    login.credentials.username = in.text("username");
    login.credentials.password = in.text("password");
    TRY(in.finish(json::UnknownFields::refuse));
    return login;
}

Awaitable<Result<void>> post_login(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto login = parse_login(*body);
    if (!login) {
        co_return fail(login.error());
    }
    std::stop_source stop;
    exchange.watch_client([stop]() mutable { stop.request_stop(); });
    registry::Client client(services.loop, services.pool, client_options(services));
    const auto checked = co_await stoppable(
        services.loop, stop.get_token(), client.check_login(login->host, login->credentials)
    );
    if (!checked) {
        co_return checked;
    }
    json::Object answer{{"host", login->host}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

}  // namespace

void add_registry_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/images/push", [&services, &builds](Exchange& exchange, Parameters) {
        return post_push(exchange, services, builds);
    });
    router.add("POST", "/v1/images/pull", [&services, &builds](Exchange& exchange, Parameters) {
        return post_pull(exchange, services, builds);
    });
    router.add("POST", "/v1/registries/login", [&services](Exchange& exchange, Parameters) {
        return post_login(exchange, services);
    });
}

}  // namespace kiln::daemon
