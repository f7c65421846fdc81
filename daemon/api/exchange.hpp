#pragma once

#include "daemon/runtime/signal.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/base/json.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

template<class T>
using Awaitable = boost::asio::awaitable<T>;
using LocalSocket = boost::asio::local::stream_protocol::socket;

/// The process at the other end (SO_PEERCRED).
struct Peer {
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

/// A request target taken apart; everything percent-decoded.
struct Target {
    std::vector<std::string> path;  // segments: "/v1/images/a%2Fb" is {"v1", "images", "a/b"}
    std::multimap<std::string, std::string> query;

    /// Errors   invalid_input for bad escapes, NUL, or more than the limits allow.
    static Result<Target> parse(std::string_view text);
    [[nodiscard]] std::optional<std::string> first(const std::string& key) const;
    [[nodiscard]] std::vector<std::string> all(const std::string& key) const;
};

/// One request and its one answer, on a connection that may carry more. Either respond(), or
/// start_stream(), write()… and finish_stream(); the second answer to one request is our mistake.
/// Thread   the loop.
class Exchange {
  public:
    virtual ~Exchange() = default;

    [[nodiscard]] virtual const std::string& method() const = 0;
    [[nodiscard]] virtual const Target& target() const = 0;
    [[nodiscard]] virtual std::string_view header(std::string_view name) const = 0;
    [[nodiscard]] virtual const Peer& peer() const = 0;

    /// The next bytes of the body; 0 at its end.
    virtual Awaitable<Result<std::size_t>> read_some(MutableByteSpan into) = 0;
    /// The files that came along with the first bytes of the body (SCM_RIGHTS), at most `at_most`;
    /// the body is then read as ever. The client waits for "100 Continue" before it sends them.
    virtual Awaitable<Result<std::vector<Fd>>> receive_files(std::size_t at_most) = 0;
    virtual Awaitable<Result<void>> respond(
        int status, std::string_view content_type, std::string body, std::string location = {}
    ) = 0;
    virtual Awaitable<Result<void>> start_stream(
        std::string_view content_type, std::optional<std::uint64_t> size_bytes = std::nullopt
    ) = 0;
    virtual Awaitable<Result<void>> write(ByteSpan bytes) = 0;
    virtual Awaitable<Result<void>> finish_stream() = 0;

    /// Calls `gone` (once, on the loop) when the client closes its end before the answer is
    /// complete.
    virtual void watch_client(std::function<void()> gone) = 0;

    /// What both answers and streams share.
    Awaitable<Result<void>> respond_json(int status, json::Value value, std::string location = {});
    Awaitable<Result<void>> respond_problem(const Error& error);
    /// The whole body; too_large beyond the limit.
    Awaitable<Result<Bytes>> read_body(std::size_t limit_bytes);
    Awaitable<Result<json::Value>> read_json();
};

}  // namespace kiln::daemon
