#pragma once

#include "store/base/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <utility>

namespace kiln::testing {

/// Runs one coroutine on a loop to its end; what it throws is thrown again.
template<class T>
T run_loop(boost::asio::io_context& loop, boost::asio::awaitable<T> work) {
    std::optional<T> value;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
        failure = error;
        value.emplace(std::move(result));
    });
    loop.restart();
    loop.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
    return std::move(*value);
}

}  // namespace kiln::testing
