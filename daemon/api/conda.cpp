#include "daemon/api/resources.hpp"
#include "daemon/build/conda_packages.hpp"
#include "daemon/conda/fetch_run.hpp"
#include "daemon/conda/lock_run.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

/// What a lock request comes to before any work begins.
struct Prepared {
    std::shared_ptr<const LockPlan> plan;
    conda::TargetFacts target;
    LockNeeds needs;
};

Result<Prepared> prepare(Services& services, const LockRequest& request) {
    const store::Lease lease = services.store.lease();
    Prepared prepared;
    TRY_ASSIGN(prepared.target, settle_target(services.store, lease, request));
    TRY_ASSIGN(LockPlan plan, plan_lock(request, prepared.target.platform, services.conda));
    TRY(check_pip_base(request, plan));
    TRY_ASSIGN(prepared.needs, find_needs(services.store, lease, request, plan));
    prepared.plan = std::make_shared<const LockPlan>(std::move(plan));
    return prepared;
}

json::Object render_lock_needs(const LockNeeds& needs, bool has_pip_part) {
    json::Array names;
    for (const std::string_view name : k_repodata_names) {
        names.emplace_back(name);
    }
    return json::Object{
        {"id", nullptr},
        {"needs", render_digests(needs.lacking)},
        {"subdirs", json::from_texts(needs.subdirs)},
        {"names", std::move(names)},
        {"shards", json::from_texts(needs.shards)},
        {"pip", has_pip_part}};
}

Awaitable<Result<void>> post_lock(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = LockRequest::parse(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    const auto request = std::make_shared<const LockRequest>(std::move(*parsed));
    auto look = [&services, request] { return prepare(services, *request); };
    const auto prepared = co_await run_on(services.pool, std::move(look));
    if (!prepared) {
        co_return fail(prepared.error());
    }
    json::Object answer = render_lock_needs(prepared->needs, !prepared->plan->pip.empty());
    if (!prepared->needs.empty()) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    BuildTable::Work work = [&services, request, plan = prepared->plan, target = prepared->target](
                                std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        auto text = co_await make_lock(services, job, request, plan, target);
        if (!text) {
            co_return fail(std::move(text).error());
        }
        ResultEvent result;
        result.lock = std::move(*text);
        co_return result;
    };
    co_return co_await respond_job(
        exchange, builds, "lock " + request->input.name, std::move(work), std::move(answer)
    );
}

Awaitable<Result<void>> post_fetch(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = parse_conda_context(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    const auto context = std::make_shared<const CondaContext>(std::move(*parsed));
    auto look = [&services, context]() -> Result<CondaNeeds> {
        CondaNeeds needs;
        TRY(read_lock(*context));
        TRY(add_needs(needs, services.store, "", *context));
        return needs;
    };
    const auto needs = co_await run_on(services.pool, std::move(look));
    if (!needs) {
        co_return fail(needs.error());
    }
    json::Object answer = render_needs(needs->lacking, needs->files, {}, {});
    if (!needs->lacking.empty() || !needs->files.empty()) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    BuildTable::Work work = [&services,
                             context](std::shared_ptr<Job> job) -> Awaitable<Result<ResultEvent>> {
        const auto fetched = co_await fetch_packages(services, std::move(job), context);
        if (!fetched) {
            co_return fail(fetched.error());
        }
        co_return ResultEvent();
    };
    co_return co_await respond_job(
        exchange, builds, "fetch " + context->lock.name, std::move(work), std::move(answer)
    );
}

}  // namespace

void add_conda_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/conda/locks", [&services, &builds](Exchange& exchange, Parameters) {
        return post_lock(exchange, services, builds);
    });
    router.add("POST", "/v1/conda/fetches", [&services, &builds](Exchange& exchange, Parameters) {
        return post_fetch(exchange, services, builds);
    });
}

}  // namespace kiln::daemon
