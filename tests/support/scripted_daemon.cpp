#include "tests/support/scripted_daemon.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace kiln::testing {
namespace {

/// Bytes of one connection, read as they are wanted.
class Incoming {
  public:
    explicit Incoming(int fd)
        : fd_(fd) {}

    /// Up to and without the next CRLF; false at the end.
    bool line(std::string& out) {
        while (true) {
            const std::size_t end = buffer_.find("\r\n");
            if (end != std::string::npos) {
                out = buffer_.substr(0, end);
                buffer_.erase(0, end + 2);
                return true;
            }
            if (!more()) {
                return false;
            }
        }
    }

    bool bytes(std::size_t count, std::string& out) {
        while (buffer_.size() < count) {
            if (!more()) {
                return false;
            }
        }
        out += buffer_.substr(0, count);
        buffer_.erase(0, count);
        return true;
    }

  private:
    bool more() {
        char part[4096];
        const ssize_t count = ::read(fd_, part, sizeof part);
        if (count <= 0) {
            return false;
        }
        buffer_.append(part, static_cast<std::size_t>(count));
        return true;
    }

    int fd_;
    std::string buffer_;
};

bool send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

std::string head_of(const ScriptedAnswer& answer, const std::string& framing) {
    return "HTTP/1.1 " + std::to_string(answer.status)
           + " Answer\r\nContent-Type: " + answer.content_type + "\r\n" + framing + "\r\n";
}

/// False when the connection is over.
bool send_answer(int fd, const ScriptedAnswer& answer) {
    using Framing = ScriptedAnswer::Framing;
    const std::string length = "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    switch (answer.framing) {
        case Framing::length:
            return send_all(fd, head_of(answer, length) + answer.body);
        case Framing::chunked: {
            if (!send_all(fd, head_of(answer, "Transfer-Encoding: chunked\r\n"))) {
                return false;
            }
            for (const char byte : answer.body) {
                if (!send_all(fd, "1\r") || !send_all(fd, std::string("\n") + byte + "\r\n")) {
                    return false;
                }
            }
            return send_all(fd, "0\r\n\r\n");
        }
        case Framing::cut:
            send_all(fd, head_of(answer, length) + answer.body.substr(0, answer.body.size() / 2));
            return false;
        case Framing::early:
            send_all(fd, head_of(answer, length + "Connection: close\r\n") + answer.body);
            return false;
        case Framing::never: {
            char nothing = 0;
            while (::read(fd, &nothing, 1) > 0) {
            }
            return false;
        }
    }
    return false;
}

}  // namespace

ScriptedDaemon::ScriptedDaemon()
    : path_(directory_.path("kilnd.sock")),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0
    );
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedDaemon::~ScriptedDaemon() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    hang_up();
    for (std::thread& session : sessions_) {
        session.join();
    }
}

void ScriptedDaemon::hang_up() {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) {
        ::shutdown(fd, SHUT_RDWR);
    }
}

void ScriptedDaemon::answer(const std::string& request, ScriptedAnswer answer) {
    const std::lock_guard lock(mutex_);
    answers_[request].push_back(std::move(answer));
}

std::vector<SeenRequest> ScriptedDaemon::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void ScriptedDaemon::accept_all() {
    std::size_t accepted = 0;
    while (true) {
        const int fd = ::accept(listener_.get(), nullptr, nullptr);
        if (fd < 0) {
            return;
        }
        const std::lock_guard lock(mutex_);
        open_.push_back(fd);
        sessions_.emplace_back([this, fd, number = ++accepted] { serve(fd, number); });
    }
}

void ScriptedDaemon::serve(int fd, std::size_t connection) {
    Incoming in(fd);
    std::string line;
    while (in.line(line)) {
        SeenRequest request;
        request.connection = connection;
        const std::size_t space = line.find(' ');
        request.method = line.substr(0, space);
        request.target = line.substr(space + 1, line.rfind(' ') - space - 1);
        std::size_t length = 0;
        bool chunked = false;
        bool awaited = false;
        while (in.line(line) && !line.empty()) {
            if (line.starts_with("Content-Length: ")) {
                length = std::strtoull(line.c_str() + 16, nullptr, 10);
            } else if (line.starts_with("Content-Type: ")) {
                request.content_type = line.substr(14);
            } else if (line == "Transfer-Encoding: chunked") {
                chunked = true;
            } else if (line == "Expect: 100-continue") {
                awaited = true;
            }
        }
        if (awaited && !send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n")) {
            break;
        }
        const ScriptedAnswer answer = take(request.method + ' ' + request.target);
        bool whole = answer.framing != ScriptedAnswer::Framing::early;
        if (whole && chunked) {
            std::size_t size = 1;
            while (size > 0 && in.line(line)) {
                size = std::strtoull(line.c_str(), nullptr, 16);
                whole = in.bytes(size, request.body) && in.line(line);
            }
        } else if (whole) {
            whole = in.bytes(length, request.body);
        }
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(std::move(request));
        }
        if (!send_answer(fd, answer)) {
            break;
        }
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
}

ScriptedAnswer ScriptedDaemon::take(const std::string& request) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(request);
    if (found == answers_.end()) {
        return {
            .status = 404,
            .content_type = "application/problem+json",
            .body = R"({"type":"urn:kiln:problem:not_found","title":"not_found","status":404,)"
                    R"("code":"not_found","detail":"nothing is scripted for )"
                    + request + R"(","trail":[],"where":null,"hint":null,"retry":"no"})"};
    }
    ScriptedAnswer answer = found->second.front();
    if (found->second.size() > 1) {
        found->second.pop_front();
    }
    return answer;
}

}  // namespace kiln::testing
