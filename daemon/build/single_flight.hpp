#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/digest.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <optional>

namespace kiln::daemon {

/// Builds share work only here: of several that need the result of one key, one makes it and the
/// others wait. Thread   the loop.
class SingleFlight {
  public:
    explicit SingleFlight(boost::asio::any_io_executor loop)
        : loop_(std::move(loop)) {}

    SingleFlight(const SingleFlight&) = delete;
    SingleFlight& operator=(const SingleFlight&) = delete;

    /// The right to make the result; whoever waits goes on when it ends.
    class Turn {
      public:
        Turn(SingleFlight& flights, const Digest& key)
            : flights_(&flights),
              key_(key) {}

        Turn(Turn&& other) noexcept
            : flights_(std::exchange(other.flights_, nullptr)),
              key_(other.key_) {}

        Turn& operator=(Turn&& other) noexcept {
            std::swap(flights_, other.flights_);
            std::swap(key_, other.key_);
            return *this;
        }

        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

      private:
        SingleFlight* flights_;
        Digest key_;
    };

    /// Our turn at once, or nullopt after somebody else's ended: then look the result up again.
    boost::asio::awaitable<std::optional<Turn>> enter(Digest key);

  private:
    void leave(const Digest& key);

    boost::asio::any_io_executor loop_;
    std::map<Digest, std::shared_ptr<Signal>> running_;
};

}  // namespace kiln::daemon
