#pragma once

#include "store/base/file.hpp"
#include "tests/support/temp_directory.hpp"

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kiln::testing {

/// What a client sent, with chunks put together.
struct SeenRequest {
    std::string method;
    std::string target;
    std::string content_type;
    std::string body;
    std::size_t connection = 0;  // which of the accepted ones, from 1
};

/// An answer as it goes over the socket.
struct ScriptedAnswer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body = "{}";
    enum class Framing : std::uint8_t {
        length,
        chunked,  // one byte a chunk, in pieces: the worst that may come
        cut,      // the connection closes in the middle of the body
        early,    // spoken before the request's body was read, then closed
        never,    // nothing until the client goes
    };
    Framing framing = Framing::length;
};

/// A Unix socket that answers requests with what the test says, on plain sockets and in its own
/// words of HTTP: it shares no code with either side.
class ScriptedDaemon {
  public:
    ScriptedDaemon();
    ScriptedDaemon(const ScriptedDaemon&) = delete;
    ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;
    ~ScriptedDaemon();

    /// The next answer to "METHOD TARGET"; the last one given is repeated. What is not scripted is
    /// a problem+json not_found.
    void answer(const std::string& request, ScriptedAnswer answer);

    /// Closes every connection that is open.
    void hang_up();

    [[nodiscard]] const std::string& socket_path() const { return path_; }

    /// In the order they came.
    [[nodiscard]] std::vector<SeenRequest> requests() const;

  private:
    void accept_all();
    void serve(int fd, std::size_t connection);
    ScriptedAnswer take(const std::string& request);

    TempDirectory directory_;
    std::string path_;
    Fd listener_;
    mutable std::mutex mutex_;
    std::map<std::string, std::deque<ScriptedAnswer>> answers_;
    std::vector<SeenRequest> requests_;
    std::vector<int> open_;
    std::vector<std::thread> sessions_;
    std::thread acceptor_;
};

}  // namespace kiln::testing
