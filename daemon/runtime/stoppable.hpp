#pragma once

#include "store/base/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <stop_token>

namespace kiln::daemon {

/// Socket work that ends when somebody asks to stop: Asio unwinds it, and the caller sees
/// `cancelled`. Thread   the loop; the stop may come from anywhere.
template<class T>
boost::asio::awaitable<Result<T>> stoppable(
    boost::asio::any_io_executor loop, std::stop_token stop, boost::asio::awaitable<Result<T>> work
) {
    const auto signal = std::make_shared<boost::asio::cancellation_signal>();
    auto cancel = [loop, signal] {
        boost::asio::post(loop, [signal] {
            signal->emit(boost::asio::cancellation_type::terminal);
        });
    };
    const std::stop_callback on_stop(stop, std::move(cancel));
    auto token = boost::asio::bind_cancellation_slot(
        signal->slot(), boost::asio::as_tuple(boost::asio::use_awaitable)
    );
    auto [failure, result] = co_await boost::asio::co_spawn(loop, std::move(work), token);
    if (stop.stop_requested()) {
        co_return fail(Code::cancelled, "cancelled");
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    co_return std::move(result);
}

}  // namespace kiln::daemon
