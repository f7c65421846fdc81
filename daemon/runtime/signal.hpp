#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace kiln::daemon {

/// Coroutines wait here until somebody notifies; they look at the condition themselves, in a loop:
///
///     while (!build.finished()) {
///         co_await build.changed().wait();
///     }
///
/// Thread   the loop only.
class Signal {
  public:
    explicit Signal(const boost::asio::any_io_executor& executor)
        : timer_(executor, std::chrono::steady_clock::time_point::max()) {}

    boost::asio::awaitable<void> wait() {
        co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }

    /// Wakes all that wait now.
    void notify_all() { timer_.cancel(); }

  private:
    boost::asio::steady_timer timer_;  // never fires: cancelling it is the wake-up
};

}  // namespace kiln::daemon
