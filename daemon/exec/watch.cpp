#include "daemon/exec/watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace kiln::exec {
namespace {

void signal_event(int event) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof one);
}

Fd make_event() {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ASSERT(event.is_open());
    return event;
}

}  // namespace

HangupWatch::HangupWatch(int socket)
    : wake_(make_event()),
      thread_([this, socket] {
          // POLLHUP and POLLERR are told without being asked for; POLLRDHUP is a half-closed end.
          std::array<pollfd, 2> watched{
              pollfd{.fd = socket, .events = POLLRDHUP, .revents = 0},
              pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
          while (::poll(watched.data(), watched.size(), -1) < 0) {
          }
          if (watched[0].revents != 0) {
              source_.request_stop();
          }
      }) {}

HangupWatch::~HangupWatch() {
    signal_event(wake_.get());
    thread_.join();
}

void StopDescriptor::Wake::operator()() const {
    signal_event(event);
}

StopDescriptor::StopDescriptor(const std::stop_token& stop)
    : event_(make_event()),
      callback_(stop, Wake{event_.get()}) {}

}  // namespace kiln::exec
