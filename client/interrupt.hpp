#pragma once

#include "store/base/file.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

namespace kiln::client {

/// Ctrl-C. The first asks work to stop (and a build to be cancelled), the second ends the program
/// with 130. SIGTERM and SIGHUP are the same to us.
/// Thread   made before any other thread, so that all of them leave the signals to this one.
class Interrupt {
  public:
    /// Nothing raises it but raise(): for tests.
    Interrupt();
    /// Takes the signals of the process.
    static std::unique_ptr<Interrupt> of_process();

    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

    void raise();

    /// From now on a signal is a byte with its number for this pipe, and the third raises; -1: as
    /// ever. The pipe is the caller's, who may close it once it is replaced.
    void redirect(int pipe) const;

    [[nodiscard]] bool raised() const { return source_.stop_requested(); }

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

    /// Readable once it was raised: for poll(2).
    [[nodiscard]] int fd() const { return event_.get(); }

  private:
    void watch(int signals);
    [[nodiscard]] bool pass_on(std::uint32_t signal);

    std::stop_source source_;
    Fd event_;
    Fd signals_;
    Fd closing_;
    mutable std::mutex redirecting_;
    mutable int pipe_ = -1;
    int passed_on_ = 0;  // signals
    std::thread watcher_;
};

}  // namespace kiln::client
