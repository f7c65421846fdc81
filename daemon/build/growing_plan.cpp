#include "daemon/build/growing_plan.hpp"

#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {

boost::asio::awaitable<Result<const Stage*>> GrowingPlan::plan_on(std::size_t stage) {
    while (busy_) {
        co_await planned_.wait();
    }
    busy_ = true;
    auto again = [this, known = activations_] { return plan_.again(known); };
    auto graph = co_await run_on(services_.pool, std::move(again));
    busy_ = false;
    planned_.notify_all();
    if (!graph) {
        co_return fail(std::move(graph).error());
    }
    graphs_.push_back(std::move(*graph));
    const Stage& planned = graphs_.back().stages.at(stage);
    co_return &planned;
}

}  // namespace kiln::daemon
