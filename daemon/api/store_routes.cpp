#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"

namespace kiln::daemon {
namespace {

json::Value render_part(const store::Usage::Part& part) {
    return json::Object{{"count", part.count}, {"size_bytes", part.size_bytes}};
}

Result<json::Value> usage(Services& services) {
    TRY_ASSIGN(const store::Usage usage, services.store.usage());
    TRY_ASSIGN(const auto unpacked, services.executor.layers());
    store::Usage::Part laid_out{.count = unpacked.size()};
    for (const exec::UnpackedLayer& layer : unpacked) {
        laid_out.size_bytes += layer.size_bytes;
    }
    return json::Value(json::Object{
        {"images", render_part(usage.refs)},
        {"layers", render_part(usage.layers)},
        {"contexts", render_part(usage.contexts)},
        {"unpacked", render_part(laid_out)},
        {"cache", render_part(usage.cache)},
        {"total_bytes", usage.total_bytes + laid_out.size_bytes},
        {"reclaimable_bytes", usage.reclaimable_bytes},
    });
}

Result<json::Value> collect(
    Services& services, const store::CollectPolicy& policy, const std::stop_token& stop
) {
    TRY(services.store.write_uses());
    TRY_ASSIGN(const store::CollectReport report, services.store.collect(policy, stop));
    return json::Value(json::Object{
        {"dry_run", policy.dry == store::CollectPolicy::Dry::yes},
        {"removed",
         json::Object{
             {"blobs", report.blobs},
             {"tables", report.tables},
             {"packs", report.packs},
             {"unpacked", report.unpacked},
             {"cache_records", report.cache_records}}},
        {"freed_bytes", report.freed_bytes},
        {"kept_bytes", report.kept_bytes},
    });
}

Result<json::Value> verify(Services& services, store::Repair repair, const std::stop_token& stop) {
    TRY_ASSIGN(const store::VerifyReport report, services.store.verify(repair, stop));
    json::Array problems;
    for (const store::Problem& problem : report.problems) {
        problems.push_back(json::Object{
            {"what", problem.what},
            {"digest",
             problem.digest ? json::Value(problem.digest->render()) : json::Value(nullptr)},
            {"detail", problem.detail},
            {"action", problem.quarantined ? "quarantined" : "none"}});
    }
    return json::Value(json::Object{
        {"blobs", report.blobs}, {"bytes", report.size_bytes}, {"problems", std::move(problems)}});
}

Result<store::CollectPolicy> parse_policy(const json::Value& body) {
    json::ObjectReader in(body, "the gc request");
    store::CollectPolicy policy;
    const auto size = in.optional_integer("keep_size_bytes");
    const auto age = in.optional_integer("keep_age_seconds");
    if ((size && *size < 0) || (age && *age < 0)) {
        return fail(Code::invalid_input, "sizes and ages of a gc request can't be negative");
    }
    if (size) {
        policy.keep_size_bytes = static_cast<std::uint64_t>(*size);
    }
    policy.keep_age_seconds = age;
    policy.dry = in.boolean_or("dry_run", false) ? store::CollectPolicy::Dry::yes
                                                 : store::CollectPolicy::Dry::no;
    TRY(in.finish(json::UnknownFields::refuse));
    return policy;
}

Result<store::Repair> parse_repair(const json::Value& body) {
    json::ObjectReader in(body, "the verify request");
    const bool repair = in.boolean_or("repair", false);
    TRY(in.finish(json::UnknownFields::refuse));
    return repair ? store::Repair::yes : store::Repair::no;
}

Awaitable<Result<void>> post_gc(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto policy = parse_policy(*body);
    if (!policy) {
        co_return fail(policy.error());
    }
    Work work = [&services, how = *policy](const std::stop_token& stop) {
        return collect(services, how, stop);
    };
    co_return co_await respond_with(exchange, services, std::move(work));
}

Awaitable<Result<void>> post_verify(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto repair = parse_repair(*body);
    if (!repair) {
        co_return fail(repair.error());
    }
    Work work = [&services, how = *repair](const std::stop_token& stop) {
        return verify(services, how, stop);
    };
    co_return co_await respond_with(exchange, services, std::move(work));
}

}  // namespace

void add_store_routes(Router& router, Services& services) {
    router.add("GET", "/v1/system/usage", [&services](Exchange& exchange, Parameters) {
        return respond_with(exchange, services, [&services](const std::stop_token&) {
            return usage(services);
        });
    });
    router.add("POST", "/v1/gc", [&services](Exchange& exchange, Parameters) {
        return post_gc(exchange, services);
    });
    router.add("POST", "/v1/verify", [&services](Exchange& exchange, Parameters) {
        return post_verify(exchange, services);
    });
}

}  // namespace kiln::daemon
