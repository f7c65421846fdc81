#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/bundles/intake.hpp"
#include "daemon/bundles/plan.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/request.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

using json::Value;

Result<BundleOrder> parse_bundle(const Value& body) {
    json::ObjectReader in(body, "the bundle request");
    BundleOrder order;
    order.workspace = in.text_or("workspace", k_default_workspace);
    order.names = in.texts_or_empty("names");
    TRY(in.finish(json::UnknownFields::refuse));
    return order;
}

Result<UnbundleOrder> parse_unbundle(const Value& body) {
    json::ObjectReader in(body, "the unbundle request");
    UnbundleOrder order;
    const std::string document = in.text("document");
    order.workspace = in.text_or("workspace", "");
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(order.document, Digest::parse(document));
    if (!order.workspace.empty()) {
        TRY(check_workspace_name(order.workspace));
    }
    return order;
}

json::Object render_plan(const BundlePlan& plan) {
    json::Array fetches;
    for (const NamedText& lock : plan.fetches) {
        fetches.push_back(lock.to_json());
    }
    const bool is_whole = plan.fetches.empty();
    return json::Object{
        {"fetches", std::move(fetches)},
        {"bundle", is_whole ? Value(plan.document.to_json()) : Value(nullptr)}};
}

Awaitable<Result<void>> post_bundle(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto order = parse_bundle(*body);
    if (!order) {
        co_return fail(order.error());
    }
    auto work = [&services, &order] { return plan_bundle(services, *order); };
    const auto plan = co_await run_on(services.waiters, std::move(work));
    if (!plan) {
        co_return fail(plan.error());
    }
    co_return co_await exchange.respond_json(200, render_plan(*plan));
}

Awaitable<Result<void>> post_unbundle(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = parse_unbundle(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    parsed->author = exchange.peer().uid;
    const auto order = std::make_shared<const UnbundleOrder>(std::move(*parsed));
    auto look = [&services, order] { return find_bundle_needs(services, order->document); };
    const auto needs = co_await run_on(services.waiters, std::move(look));
    if (!needs) {
        co_return fail(as_sent(needs.error()));
    }
    json::Object answer{{"id", nullptr}, {"needs", render_digests(*needs)}};
    if (!needs->empty()) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    BuildTable::Work work = [&services, order](std::shared_ptr<Job> job) {
        return take_in_bundle(services, std::move(job), order);
    };
    co_return co_await respond_job(
        exchange, builds, "unbundle", std::move(work), std::move(answer)
    );
}

}  // namespace

void add_bundle_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/bundles", [&services](Exchange& exchange, Parameters) {
        return post_bundle(exchange, services);
    });
    router.add("POST", "/v1/unbundles", [&services, &builds](Exchange& exchange, Parameters) {
        return post_unbundle(exchange, services, builds);
    });
}

}  // namespace kiln::daemon
