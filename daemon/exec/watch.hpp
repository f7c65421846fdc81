#pragma once

#include "store/base/file.hpp"

#include <stop_token>
#include <thread>

namespace kiln::exec {

/// Asks for a stop when the other end of a socket closes: how a session that is busy learns that
/// its request was cancelled. Reads nothing.
class HangupWatch {
  public:
    explicit HangupWatch(int socket);
    HangupWatch(const HangupWatch&) = delete;
    HangupWatch& operator=(const HangupWatch&) = delete;
    ~HangupWatch();

    [[nodiscard]] std::stop_token stop() const { return source_.get_token(); }

  private:
    std::stop_source source_;
    Fd wake_;
    std::thread thread_;
};

/// A descriptor that becomes readable when somebody asks for a stop, for poll(2).
class StopDescriptor {
  public:
    explicit StopDescriptor(const std::stop_token& stop);

    [[nodiscard]] int fd() const { return event_.get(); }

  private:
    struct Wake {
        int event;
        void operator()() const;
    };

    Fd event_;
    std::stop_callback<Wake> callback_;
};

}  // namespace kiln::exec
