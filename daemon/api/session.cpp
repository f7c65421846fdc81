#include "daemon/api/session.hpp"

#include "daemon/api/file_message.hpp"
#include "store/base/limits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <sys/socket.h>

#include <array>
#include <chrono>

namespace kiln::daemon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t k_file_message_bytes = 64UL * 1024;
constexpr auto k_as_result = asio::as_tuple(asio::use_awaitable);

Error gone(const boost::system::error_code& error) {
    return Error{
        .code = Code::cancelled,
        .message = fmt::format("the client closed the connection ({})", error.message())};
}

/// The connection, shared with the watcher that notices when the client closes it.
struct Connection {
    explicit Connection(LocalSocket from)
        : socket(std::move(from)) {}

    LocalSocket socket;
    std::uint64_t exchange = 0;  // counts requests, so that a late watcher knows it is late
    bool answered = false;
};

Awaitable<void> watch(
    std::shared_ptr<Connection> connection, std::uint64_t exchange, std::function<void()> gone_call
) {
    const auto [error] =
        co_await connection->socket.async_wait(LocalSocket::wait_read, k_as_result);
    if (error || connection->exchange != exchange || connection->answered) {
        co_return;
    }
    std::byte one{};
    const auto count = ::recv(connection->socket.native_handle(), &one, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        gone_call();
    }
}

class SocketExchange final : public Exchange {
  public:
    using Parser = http::request_parser<http::buffer_body>;

    SocketExchange(
        std::shared_ptr<Connection> connection,
        beast::flat_buffer& buffer,
        Parser& parser,
        Peer peer
    )
        : connection_(std::move(connection)),
          buffer_(buffer),
          parser_(parser),
          peer_(peer) {
        method_ = std::string(parser_.get().method_string());
    }

    Result<void> parse_target() {
        TRY_ASSIGN(target_, Target::parse(parser_.get().target()));
        return {};
    }

    const std::string& method() const override { return method_; }

    const Target& target() const override { return target_; }

    std::string_view header(std::string_view name) const override {
        const auto found = parser_.get().find(name);
        return found == parser_.get().end() ? std::string_view() : std::string_view(found->value());
    }

    const Peer& peer() const override { return peer_; }

    bool answered() const { return connection_->answered; }

    bool begun() const { return begun_; }

    bool keep_alive() const { return keep_alive_ && parser_.is_done(); }

    Awaitable<Result<std::size_t>> read_some(MutableByteSpan into) override {
        if (const auto asked = co_await continue_if_expected(); !asked) {
            co_return fail(asked.error());
        }
        while (!parser_.is_done()) {
            parser_.get().body().data = into.data();
            parser_.get().body().size = into.size();
            auto [error, count] =
                co_await http::async_read_some(connection_->socket, buffer_, parser_, k_as_result);
            const std::size_t filled = into.size() - parser_.get().body().size;
            if (error && error != http::error::need_buffer) {
                keep_alive_ = false;
                co_return fail(gone(error));
            }
            if (filled > 0) {
                co_return filled;
            }
        }
        co_return std::size_t{0};
    }

    Awaitable<Result<std::vector<Fd>>> receive_files(std::size_t at_most) override {
        if (const auto asked = co_await continue_if_expected(); !asked) {
            co_return fail(asked.error());
        }
        std::vector<Fd> files;
        while (buffer_.size() == 0 && !parser_.is_done()) {
            const auto [error] =
                co_await connection_->socket.async_wait(LocalSocket::wait_read, k_as_result);
            if (error) {
                keep_alive_ = false;
                co_return fail(gone(error));
            }
            const auto room = buffer_.prepare(k_file_message_bytes);
            const MutableByteSpan into(static_cast<std::byte*>(room.data()), room.size());
            auto message = receive_message(connection_->socket.native_handle(), into, at_most);
            if (!message) {
                keep_alive_ = false;
                co_return fail(message.error());
            }
            buffer_.commit(message->size_bytes);
            files = std::move(message->files);
        }
        co_return files;
    }

    Awaitable<Result<void>> respond(
        int status, std::string_view content_type, std::string body, std::string location
    ) override {
        std::string head = head_of(status, content_type, body.size());
        if (!location.empty()) {
            head += fmt::format("Location: {}\r\n", location);
        }
        head += "\r\n";
        // A HEAD answer says how long the body would be, and has none.
        if (method_ != "HEAD") {
            head += body;
        }
        const auto sent = co_await send(as_bytes(head));
        connection_->answered = true;
        co_return sent;
    }

    Awaitable<Result<void>> start_stream(
        std::string_view content_type, std::optional<std::uint64_t> size_bytes
    ) override {
        chunked_ = !size_bytes;
        const std::string head = head_of(200, content_type, size_bytes) + "\r\n";
        co_return co_await send(as_bytes(head));
    }

    Awaitable<Result<void>> write(ByteSpan bytes) override {
        if (bytes.empty() || method_ == "HEAD") {
            co_return Result<void>();
        }
        if (!chunked_) {
            co_return co_await send(bytes);
        }
        const std::string size = fmt::format("{:x}\r\n", bytes.size());
        const std::array<asio::const_buffer, 3> parts{
            asio::buffer(size), asio::buffer(bytes.data(), bytes.size()), asio::buffer("\r\n", 2)};
        co_return co_await send_buffers(parts);
    }

    Awaitable<Result<void>> finish_stream() override {
        Result<void> sent;
        if (chunked_ && method_ != "HEAD") {
            sent = co_await send(as_bytes("0\r\n\r\n"));
        }
        connection_->answered = true;
        co_return sent;
    }

    void watch_client(std::function<void()> gone_call) override {
        asio::co_spawn(
            connection_->socket.get_executor(),
            watch(connection_, connection_->exchange, std::move(gone_call)),
            asio::detached
        );
    }

    /// A body that no handler read, up to a limit: reading it lets the client see the answer and go
    /// on.
    Awaitable<void> drain() {
        Bytes scratch(64 * limits::k_kib);
        for (std::size_t total = 0; total < limits::k_drained_bytes;) {
            const auto count = co_await read_some(scratch);
            if (!count || *count == 0) {
                co_return;
            }
            total += *count;
        }
        keep_alive_ = false;
    }

  private:
    std::string head_of(
        int status, std::string_view content_type, std::optional<std::uint64_t> size_bytes
    ) {
        begun_ = true;
        keep_alive_ = keep_alive_ && parser_.get().keep_alive();
        std::string head = fmt::format(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n",
            status,
            std::string_view(http::obsolete_reason(static_cast<http::status>(status))),
            content_type
        );
        head += size_bytes ? fmt::format("Content-Length: {}\r\n", *size_bytes)
                           : std::string("Transfer-Encoding: chunked\r\n");
        if (!keep_alive_) {
            head += "Connection: close\r\n";
        }
        return head;
    }

    Awaitable<Result<void>> continue_if_expected() {
        if (expectation_met_ || header("Expect").empty()) {
            co_return Result<void>();
        }
        expectation_met_ = true;
        co_return co_await send(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    }

    Awaitable<Result<void>> send(ByteSpan bytes) {
        const std::array<asio::const_buffer, 1> parts{asio::buffer(bytes.data(), bytes.size())};
        co_return co_await send_buffers(parts);
    }

    template<class Buffers>
    Awaitable<Result<void>> send_buffers(const Buffers& buffers) {
        const auto [error, count] =
            co_await asio::async_write(connection_->socket, buffers, k_as_result);
        if (error) {
            keep_alive_ = false;
            co_return fail(gone(error));
        }
        co_return Result<void>();
    }

    std::shared_ptr<Connection> connection_;
    beast::flat_buffer& buffer_;
    Parser& parser_;
    Peer peer_;
    std::string method_;
    Target target_;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool begun_ = false;
    bool expectation_met_ = false;
};

Awaitable<bool> answer(SocketExchange& exchange, const Dispatch& dispatch, Log& log) {
    Result<void> done = exchange.parse_target();
    if (done) {
        done = co_await dispatch(exchange);
    }
    if (!done && done.error().code == Code::internal) {
        log.error(
            "request_failed", {{"method", exchange.method()}, {"error", done.error().render()}}
        );
    }
    if (!done && !exchange.begun()) {
        // Said at once: a client that waits for a word before it sends on would wait forever.
        done = co_await exchange.respond_problem(done.error());
    }
    if (!done || !exchange.answered()) {
        co_return false;
    }
    // One that is still sending sees the answer when it is done.
    co_await exchange.drain();
    co_return exchange.keep_alive();
}

}  // namespace

Awaitable<void> serve(LocalSocket socket, Peer peer, const Dispatch& dispatch, Log& log) {
    const auto connection = std::make_shared<Connection>(std::move(socket));
    // Beast reads as much as the buffer has room for, and would let it grow from 512 bytes.
    beast::flat_buffer buffer(256 * limits::k_kib);
    buffer.reserve(128 * limits::k_kib);
    bool more = true;
    while (more) {
        SocketExchange::Parser parser;
        parser.header_limit(static_cast<std::uint32_t>(limits::k_header_bytes));
        parser.body_limit(boost::none);  // each handler has a limit of its own
        auto [error, count] =
            co_await http::async_read_header(connection->socket, buffer, parser, k_as_result);
        if (error) {
            break;
        }
        ++connection->exchange;
        connection->answered = false;
        SocketExchange exchange(connection, buffer, parser, peer);
        more = co_await answer(exchange, dispatch, log);
    }
    boost::system::error_code ignored;
    connection->socket.shutdown(LocalSocket::shutdown_both, ignored);
    connection->socket.close(ignored);
}

}  // namespace kiln::daemon
