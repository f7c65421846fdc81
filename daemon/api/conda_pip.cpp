#include "daemon/api/resources.hpp"
#include "daemon/conda/pip_lock.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

Awaitable<Result<void>> post_pip_lock(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = PipLockRequest::parse(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    const auto request = std::make_shared<const PipLockRequest>(std::move(*parsed));
    auto look = [&services, request] { return find_pip_needs(services.store, *request); };
    const auto needs = co_await run_on(services.pool, std::move(look));
    if (!needs) {
        co_return fail(needs.error());
    }
    const json::Object lacking = render_needs(needs->conda.lacking, needs->conda.files, {}, {});
    json::Object answer;
    answer["id"] = nullptr;
    answer["needs"] = lacking.at("needs");
    answer["files"] = lacking.at("files");
    answer["paths"] = json::from_texts(needs->paths);
    if (!needs->empty()) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    BuildTable::Work work = [&services,
                             request](std::shared_ptr<Job> job) -> Awaitable<Result<ResultEvent>> {
        auto text = co_await lock_pip(services, std::move(job), request);
        if (!text) {
            co_return fail(std::move(text).error());
        }
        ResultEvent result;
        result.lock = std::move(*text);
        co_return result;
    };
    co_return co_await respond_job(
        exchange, builds, "lock pip of " + request->input.name, std::move(work), std::move(answer)
    );
}

}  // namespace

void add_conda_pip_routes(Router& router, Services& services, BuildTable& builds) {
    router.add("POST", "/v1/conda/pip-locks", [&services, &builds](Exchange& exchange, Parameters) {
        return post_pip_lock(exchange, services, builds);
    });
}

}  // namespace kiln::daemon
