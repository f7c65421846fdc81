#pragma once

#include "daemon/registry/url.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/base/pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kiln::registry {

template<class T>
using Awaitable = boost::asio::awaitable<T>;

/// A part of an open file, read on the pool while it is sent.
struct FileRange {
    std::shared_ptr<const Fd> file;
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
};

using RequestBody = std::variant<std::string, FileRange>;

struct Response {
    int status = 0;
    std::multimap<std::string, std::string> headers;  // names in lower case
    std::string body;

    /// The first of that name; "" when there is none. `name` in lower case.
    [[nodiscard]] std::string_view header(std::string_view name) const;

    [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

struct Request {
    std::string method = "GET";
    Url url;
    std::vector<std::pair<std::string, std::string>> headers;
    RequestBody body;
    /// Told how many bytes of the body went out, from 0 on again when it is sent again.
    std::function<void(std::uint64_t sent)> progress;
    /// More of an answer's body than this is an error; what `sink` takes does not count.
    std::size_t body_limit_bytes = 64 * 1024;
    /// Sees status and headers of a 2xx answer before `sink` gets its body; may be empty.
    std::function<Result<void>(const Response& head)> begin;
    /// Takes the body of a 2xx answer in order, instead of Response::body.
    std::function<Awaitable<Result<void>>(ByteSpan)> sink;
};

struct TransportOptions {
    std::chrono::milliseconds connect_timeout{30'000};
    /// Between two bytes, in either direction.
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds keep_alive{20'000};
    std::string user_agent = "kiln";
    /// PEM file of further authorities; the system's always count.
    std::string extra_authorities = {};
};

/// HTTP/1.1 over TCP and TLS, connections kept for the next request to the same place. It knows
/// nothing of registries, redirects or credentials, and sends what it is given once; a connection
/// that was kept and turns out closed does not count.
/// Errors   timed_out and upstream (refused, reset, nonsense): sending again may help; not_found
///          for an unknown host and permission for a certificate that is not trusted: it won't.
///          Messages name host and method, never a header.
/// Thread   the loop; files are read and names looked up elsewhere.
class Transport {
  public:
    Transport(
        boost::asio::any_io_executor loop, ThreadPool& pool, const TransportOptions& options = {}
    );
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    ~Transport();

    Awaitable<Result<Response>> send(Request request);

    [[nodiscard]] boost::asio::any_io_executor executor() const;

    /// Whether sending again may help.
    static bool is_transient(const Error& error);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kiln::registry
