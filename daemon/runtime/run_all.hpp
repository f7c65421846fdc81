#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace kiln::daemon {

/// Runs all of them on the pool, side by side, and comes back with their values in the same order.
/// Thread   the loop; each `work` on a thread of the pool.
template<class T>
boost::asio::awaitable<std::vector<T>> run_all(
    boost::asio::any_io_executor loop, ThreadPool& pool, std::vector<std::function<T()>> works
) {
    struct State {
        explicit State(const boost::asio::any_io_executor& executor)
            : finished(executor) {}

        Signal finished;
        std::vector<std::optional<T>> values;
        std::size_t left = 0;
    };

    const auto state = std::make_shared<State>(loop);
    state->values.resize(works.size());
    state->left = works.size();
    for (std::size_t i = 0; i < works.size(); ++i) {
        pool.submit([state, loop, i, work = std::move(works[i])] {
            auto value = std::make_shared<T>(work());
            boost::asio::post(loop, [state, i, value] {
                state->values[i].emplace(std::move(*value));
                if (--state->left == 0) {
                    state->finished.notify_all();
                }
            });
        });
    }
    while (state->left > 0) {
        co_await state->finished.wait();
    }
    std::vector<T> values;
    values.reserve(state->values.size());
    for (std::optional<T>& value : state->values) {
        values.push_back(std::move(*value));
    }
    co_return values;
}

}  // namespace kiln::daemon
