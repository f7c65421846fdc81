#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/error.hpp"
#include "store/base/pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace kiln::daemon {

namespace detail {

/// The values, or the failure that tells most: what others were cancelled for, not that they were.
template<class T>
Result<std::vector<T>> settle_all(std::vector<std::optional<Result<T>>> results) {
    std::vector<T> values;
    std::optional<Error> failure;
    for (std::optional<Result<T>>& result : results) {
        if (!result) {
            continue;  // never begun: another has failed
        }
        if (*result) {
            values.push_back(std::move(**result));
        } else if (!failure || failure->code == Code::cancelled) {
            failure = std::move(*result).error();
        }
    }
    if (failure) {
        return fail(std::move(*failure));
    }
    return values;
}

}  // namespace detail

/// Runs all of them on the pool, side by side, and comes back with their values in the same order.
/// Only a few lie in the pool's queue at a time, so that others' work comes in between; after a
/// failure no more begin, and what runs is waited for.
/// Errors   the first in order of those that failed.
/// Thread   the loop; each of `works` on a thread of the pool.
template<class T>
boost::asio::awaitable<Result<std::vector<T>>> run_all(
    boost::asio::any_io_executor loop,
    ThreadPool& pool,
    std::vector<std::function<Result<T>()>> works
) {
    struct State {
        explicit State(const boost::asio::any_io_executor& executor)
            : ended(executor) {}

        Signal ended;
        std::vector<std::optional<Result<T>>> results;
        std::size_t running = 0;
        bool failed = false;
    };

    const auto state = std::make_shared<State>(loop);
    state->results.resize(works.size());
    const std::size_t limit = 2 * pool.size();  // one runs, one is there when it ends
    std::size_t next = 0;
    while (true) {
        for (; next < works.size() && state->running < limit && !state->failed; ++next) {
            ++state->running;
            pool.submit([state, loop, index = next, work = std::move(works[next])] {
                auto result = std::make_shared<Result<T>>(work());
                boost::asio::post(loop, [state, index, result] {
                    state->failed = state->failed || !*result;
                    state->results[index].emplace(std::move(*result));
                    --state->running;
                    state->ended.notify_all();
                });
            });
        }
        if (state->running == 0) {
            break;
        }
        co_await state->ended.wait();
    }
    co_return detail::settle_all(std::move(state->results));
}

}  // namespace kiln::daemon
