#pragma once

#include "store/base/pool.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace kiln::daemon {

namespace asio = boost::asio;

/// The one bridge between the loop and the pools: runs a plain function there and comes back here
/// with its value. The function is named before the co_await (g++ 12 destroys closures born inside
/// one twice):
///
///     auto work = [bytes = std::move(bytes)] { return hash(bytes); };
///     auto digest = co_await run_on(pool, std::move(work));
///
/// Thread   called and resumed on the loop; `work` runs on a thread of the pool and must not throw.
template<class Work>
asio::awaitable<std::invoke_result_t<Work&>> run_on(ThreadPool& pool, Work work) {
    using Value = std::invoke_result_t<Work&>;
    auto initiate = [&pool](auto handler, Work owned) {
        using Resume = decltype(handler);
        struct Task {
            Resume handler;
            Work work;
            std::optional<Value> value;
        };
        auto task =
            std::make_shared<Task>(Task{std::move(handler), std::move(owned), std::nullopt});
        auto executor = asio::get_associated_executor(task->handler);
        pool.submit([task, executor, guard = asio::make_work_guard(executor)] {
            task->value.emplace(task->work());
            asio::post(executor, [task] {
                auto resume = std::move(task->handler);
                resume(std::move(*task->value));
            });
        });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(
        std::move(initiate), asio::use_awaitable, std::move(work)
    );
}

}  // namespace kiln::daemon
