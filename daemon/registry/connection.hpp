#pragma once

#include "daemon/registry/transport.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <variant>

namespace kiln::registry {

/// One connection, plain or TLS, for one exchange after the other. Part of the transport.
class Connection {
  public:
    Connection(
        const boost::asio::any_io_executor& loop, ThreadPool& pool, const TransportOptions& options
    );

    Awaitable<Result<void>> open(const Url& url, boost::asio::ssl::context& tls);
    Awaitable<Result<Response>> exchange(const Request& request);

    /// The answer was read to its end and the other side keeps the connection too.
    [[nodiscard]] bool may_be_kept() const { return keep_; }

    /// A byte of an answer to the last exchange came.
    [[nodiscard]] bool answered() const { return answered_; }

  private:
    using Plain = boost::beast::tcp_stream;
    using Tls = boost::beast::ssl_stream<boost::beast::tcp_stream>;

    Plain& tcp();
    [[nodiscard]] Error network_error(
        const boost::system::error_code& error, const Url& url, std::string_view doing
    ) const;
    template<class Stream>
    Awaitable<Result<void>> send(Stream& stream, const Request& request);
    template<class Stream>
    Awaitable<Result<void>> send_file(Stream& stream, const Request& request);
    template<class Stream>
    Awaitable<Result<Response>> receive(Stream& stream, const Request& request);
    template<class Stream>
    Awaitable<Result<Response>> exchange_on(Stream& stream, const Request& request);

    ThreadPool& pool_;
    TransportOptions options_;
    std::variant<Plain, Tls> stream_;
    boost::beast::flat_buffer buffer_;
    bool keep_ = false;
    bool answered_ = false;
};

}  // namespace kiln::registry
