#include "client/interrupt.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace kiln::client {
namespace {

constexpr int k_exit_interrupted = 130;
/// So many signals a command may take its time for, as with docker run.
constexpr int k_passed_on = 2;

}  // namespace

Interrupt::Interrupt()
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      closing_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    ASSERT(event_.is_open() && closing_.is_open());
}

std::unique_ptr<Interrupt> Interrupt::of_process() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A reader of our output that goes away is a failed write, not the end of the program.
    ::signal(SIGPIPE, SIG_IGN);
    auto interrupt = std::make_unique<Interrupt>();
    interrupt->signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    ASSERT(interrupt->signals_.is_open());
    interrupt->watcher_ = std::thread([raw = interrupt.get()] { raw->watch(raw->signals_.get()); });
    return interrupt;
}

Interrupt::~Interrupt() {
    if (watcher_.joinable()) {
        ::eventfd_write(closing_.get(), 1);
        watcher_.join();
    }
}

void Interrupt::raise() {
    source_.request_stop();
    ::eventfd_write(event_.get(), 1);
}

void Interrupt::redirect(int pipe) const {
    const std::lock_guard lock(redirecting_);
    pipe_ = pipe;
}

bool Interrupt::pass_on(std::uint32_t signal) {
    const std::lock_guard lock(redirecting_);
    if (pipe_ < 0 || ++passed_on_ > k_passed_on) {
        return false;
    }
    const auto number = static_cast<std::uint8_t>(signal);
    return ::write(pipe_, &number, sizeof number) == sizeof number;
}

void Interrupt::watch(int signals) {
    std::array<pollfd, 2> waiting{{{signals, POLLIN, 0}, {closing_.get(), POLLIN, 0}}};
    while (true) {
        if (::poll(waiting.data(), waiting.size(), -1) < 0) {
            continue;  // EINTR
        }
        if (waiting[1].revents != 0) {
            return;
        }
        signalfd_siginfo signal{};
        while (::read(signals, &signal, sizeof signal) == sizeof signal) {
            if (pass_on(signal.ssi_signo)) {
                continue;
            }
            if (raised()) {
                ::_exit(k_exit_interrupted);
            }
            raise();
        }
    }
}

}  // namespace kiln::client
