#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace kiln::daemon {

namespace detail {

template<class Work>
struct FanOut {
    FanOut(const boost::asio::any_io_executor& loop, std::size_t total, Work given)
        : count(total),
          work(std::move(given)),
          ended(loop) {}

    std::size_t count;
    std::size_t next = 0;
    std::size_t running = 0;
    std::optional<Error> failure;
    Work work;
    Signal ended;
};

template<class Work>
boost::asio::awaitable<void> take_turns(std::shared_ptr<FanOut<Work>> state) {
    while (state->next < state->count && !state->failure) {
        const std::size_t index = state->next++;
        const Result<void> done = co_await state->work(index);
        if (!done && !state->failure) {
            state->failure = done.error();
        }
    }
    --state->running;
    state->ended.notify_all();
}

}  // namespace detail

/// `work(0)` to `work(count - 1)`, coroutines on the loop, at most `limit` at once. The first
/// failure stops the rest from starting; what runs is waited for.
template<class Work>
boost::asio::awaitable<Result<void>> fan_out(
    boost::asio::any_io_executor loop, std::size_t count, std::size_t limit, Work work
) {
    const auto state = std::make_shared<detail::FanOut<Work>>(loop, count, std::move(work));
    state->running = std::min(count, limit);
    for (std::size_t i = 0; i < std::min(count, limit); ++i) {
        boost::asio::co_spawn(loop, detail::take_turns(state), boost::asio::detached);
    }
    while (state->running > 0) {
        co_await state->ended.wait();
    }
    if (state->failure) {
        co_return fail(*state->failure);
    }
    co_return Result<void>();
}

}  // namespace kiln::daemon
