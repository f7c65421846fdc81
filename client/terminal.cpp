#include "client/terminal.hpp"

#include "store/base/file.hpp"

#include <termios.h>
#include <unistd.h>

#include <array>

namespace kiln::client {
namespace {

constexpr std::size_t k_answer_bytes = 4096;

/// Switches the echo off until the end of the block.
class Silence {
  public:
    explicit Silence(int fd)
        : fd_(fd),
          changed_(::tcgetattr(fd, &before_) == 0) {
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = changed_ && ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
    }

    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

    ~Silence() {
        if (changed_) {
            ::tcsetattr(fd_, TCSAFLUSH, &before_);
        }
    }

  private:
    int fd_;
    termios before_{};
    bool changed_;
};

Result<std::string> read_line(int fd) {
    std::string line;
    std::array<std::byte, 1> next{};
    StreamSource in(fd);
    while (line.size() < k_answer_bytes) {
        TRY_ASSIGN(const std::size_t count, in.read(next));
        if (count == 0 || next[0] == std::byte{'\n'}) {
            return line;
        }
        line += static_cast<char>(next[0]);
    }
    return fail(Code::too_large, "the answer is longer than {} bytes", k_answer_bytes);
}

}  // namespace

Result<std::string> prompt(std::string_view question, Echo echo) {
    const auto terminal = open_at(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, Resolve::anywhere);
    if (!terminal) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "there is no terminal to ask at",
            .hint = "give --username, and the password by --password-stdin"});
    }
    TRY(write_all(terminal->get(), as_bytes(question)));
    if (echo == Echo::yes) {
        return read_line(terminal->get());
    }
    Result<std::string> answer = [&] {
        const Silence silence(terminal->get());
        return read_line(terminal->get());
    }();
    TRY(write_all(terminal->get(), as_bytes("\n")));
    return answer;
}

}  // namespace kiln::client
