#include "daemon/registry/connection.hpp"

#include "daemon/runtime/run_on.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <algorithm>
#include <array>

namespace kiln::registry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto k_as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t k_header_limit_bytes = 64 * 1024;
constexpr std::size_t k_chunk_bytes = 256 * 1024;
/// Between the end of our sending gone wrong and the answer that may say why.
constexpr auto k_last_words = std::chrono::seconds(5);
/// Informational answers before the real one.
constexpr int k_interim_answers = 8;

std::string head_of(const Request& request, const std::string& user_agent) {
    std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\n",
        request.method,
        request.url.target,
        request.url.authority(),
        user_agent
    );
    for (const auto& [name, value] : request.headers) {
        head += fmt::format("{}: {}\r\n", name, value);
    }
    const auto* file = std::get_if<FileRange>(&request.body);
    const std::uint64_t size =
        file != nullptr ? file->size_bytes : std::get<std::string>(request.body).size();
    if (size > 0 || (request.method != "GET" && request.method != "HEAD")) {
        head += fmt::format("Content-Length: {}\r\n", size);
    }
    return head + "\r\n";
}

bool is_untrusted(const boost::system::error_code& error) {
    return error.category() == asio::error::get_ssl_category()
           && ERR_GET_REASON(static_cast<unsigned long>(error.value()))
                  == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

}  // namespace

Connection::Connection(
    const asio::any_io_executor& loop, ThreadPool& pool, const TransportOptions& options
)
    : pool_(pool),
      options_(options),
      stream_(std::in_place_type<Plain>, loop) {}

Connection::Plain& Connection::tcp() {
    if (auto* plain = std::get_if<Plain>(&stream_)) {
        return *plain;
    }
    return beast::get_lowest_layer(std::get<Tls>(stream_));
}

Error Connection::network_error(
    const boost::system::error_code& error, const Url& url, std::string_view doing
) const {
    if (error == asio::error::operation_aborted) {
        return Error{Code::cancelled, "cancelled"};
    }
    if (error == beast::error::timeout) {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(options_.idle_timeout).count();
        return Error{
            Code::timed_out,
            fmt::format("no answer from {} within {} s while {}", url.authority(), seconds, doing)};
    }
    if (error == asio::error::host_not_found || error == asio::error::no_data) {
        return Error{Code::not_found, fmt::format("the host {} is not found", url.host)};
    }
    if (is_untrusted(error)) {
        return Error{
            Code::permission, fmt::format("the certificate of {} is not trusted", url.authority())};
    }
    return Error{
        Code::upstream, fmt::format("{}: {} while {}", url.authority(), error.message(), doing)};
}

Awaitable<Result<void>> Connection::open(const Url& url, asio::ssl::context& tls) {
    tcp::resolver resolver(tcp().get_executor());
    const std::string port = std::to_string(url.port);
    const auto [resolve_error, places] =
        co_await resolver.async_resolve(url.host, port, k_as_result);
    if (resolve_error) {
        co_return fail(network_error(resolve_error, url, "looking up its name"));
    }
    tcp().expires_after(options_.connect_timeout);
    const auto [connect_error, place] = co_await tcp().async_connect(places, k_as_result);
    if (connect_error) {
        co_return fail(network_error(connect_error, url, "connecting"));
    }
    boost::system::error_code ignored;
    tcp().socket().set_option(tcp::no_delay(true), ignored);
    if (!url.tls) {
        co_return Result<void>();
    }
    Plain plain = std::move(std::get<Plain>(stream_));
    Tls& secure = stream_.emplace<Tls>(std::move(plain), tls);
    // The name goes out in the clear so that the server picks its certificate; addresses have none.
    boost::system::error_code no_address;
    asio::ip::make_address(url.host, no_address);
    std::string name = url.host;
    const bool named = !no_address
                       || SSL_ctrl(
                              secure.native_handle(),
                              SSL_CTRL_SET_TLSEXT_HOSTNAME,
                              TLSEXT_NAMETYPE_host_name,
                              name.data()
                          ) == 1;
    if (!named) {
        co_return fail(Code::internal, "TLS does not take the name {}", url.host);
    }
    secure.set_verify_callback(asio::ssl::host_name_verification(url.host), ignored);
    tcp().expires_after(options_.connect_timeout);
    const auto [error] =
        co_await secure.async_handshake(asio::ssl::stream_base::client, k_as_result);
    if (error) {
        co_return fail(network_error(error, url, "agreeing on TLS"));
    }
    co_return Result<void>();
}

Awaitable<Result<Response>> Connection::exchange(const Request& request) {
    keep_ = false;
    answered_ = false;
    if (auto* plain = std::get_if<Plain>(&stream_)) {
        co_return co_await exchange_on(*plain, request);
    }
    co_return co_await exchange_on(std::get<Tls>(stream_), request);
}

template<class Stream>
Awaitable<Result<Response>> Connection::exchange_on(Stream& stream, const Request& request) {
    auto sent = co_await send(stream, request);
    if (!sent && sent.error().code != Code::upstream) {
        co_return fail(std::move(sent).error());
    }
    tcp().expires_after(
        sent ? options_.idle_timeout
             : std::min(options_.idle_timeout, std::chrono::milliseconds(k_last_words))
    );
    auto response = co_await receive(stream, request);
    keep_ = keep_ && sent.has_value();
    // Why the other side stopped reading is in its answer, if one came.
    if (!sent && !response) {
        co_return fail(std::move(sent).error());
    }
    co_return response;
}

template<class Stream>
Awaitable<Result<void>> Connection::send(Stream& stream, const Request& request) {
    std::string head = head_of(request, options_.user_agent);
    const auto* text = std::get_if<std::string>(&request.body);
    if (text != nullptr) {
        head += *text;
    }
    tcp().expires_after(options_.idle_timeout);
    const auto [error, count] = co_await asio::async_write(stream, asio::buffer(head), k_as_result);
    if (error) {
        co_return fail(network_error(error, request.url, "sending " + request.method));
    }
    if (text != nullptr) {
        co_return Result<void>();
    }
    co_return co_await send_file(stream, request);
}

template<class Stream>
Awaitable<Result<void>> Connection::send_file(Stream& stream, const Request& request) {
    const FileRange& range = std::get<FileRange>(request.body);
    for (std::uint64_t sent = 0; sent < range.size_bytes;) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(k_chunk_bytes, range.size_bytes - sent)
            );
        auto read = [file = range.file, offset = range.offset + sent, size]() -> Result<Bytes> {
            Bytes bytes(size);
            TRY(pread_exact(file->get(), bytes, offset));
            return bytes;
        };
        const auto bytes = co_await daemon::run_on(pool_, std::move(read));
        if (!bytes) {
            co_return fail(bytes.error());
        }
        tcp().expires_after(options_.idle_timeout);
        const auto [error, count] =
            co_await asio::async_write(stream, asio::buffer(*bytes), k_as_result);
        if (error) {
            co_return fail(network_error(error, request.url, "sending " + request.method));
        }
        sent += size;
        if (request.progress) {
            request.progress(sent);
        }
    }
    co_return Result<void>();
}

template<class Stream>
Awaitable<Result<Response>> Connection::receive(Stream& stream, const Request& request) {
    const std::string doing = "reading the answer to " + request.method;
    std::optional<http::response_parser<http::buffer_body>> parser;
    for (int interim = 0;; ++interim) {
        parser.emplace();
        parser->header_limit(k_header_limit_bytes);
        parser->body_limit(boost::none);
        parser->skip(request.method == "HEAD");
        const auto [error, count] =
            co_await http::async_read_header(stream, buffer_, *parser, k_as_result);
        answered_ = answered_ || count > 0;
        if (error) {
            co_return fail(network_error(error, request.url, doing));
        }
        if (parser->get().result_int() >= 200 || interim == k_interim_answers) {
            break;
        }
    }
    Response response;
    response.status = static_cast<int>(parser->get().result_int());
    for (const auto& field : parser->get()) {
        response.headers.emplace(lower(field.name_string()), std::string(field.value()));
    }
    const bool success = response.is_success();
    if (success && request.begin) {
        const auto begun = request.begin(response);
        if (!begun) {
            co_return fail(begun.error());
        }
    }
    std::vector<std::byte> chunk(64 * 1024);
    while (!parser->is_done()) {
        parser->get().body().data = chunk.data();
        parser->get().body().size = chunk.size();
        tcp().expires_after(options_.idle_timeout);
        const auto [error, count] =
            co_await http::async_read_some(stream, buffer_, *parser, k_as_result);
        if (error && error != http::error::need_buffer) {
            co_return fail(network_error(error, request.url, doing));
        }
        const ByteSpan bytes(chunk.data(), chunk.size() - parser->get().body().size);
        if (success && request.sink) {
            const auto taken = co_await request.sink(bytes);
            if (!taken) {
                co_return fail(taken.error());
            }
            continue;
        }
        const std::size_t room = request.body_limit_bytes - response.body.size();
        response.body += as_text(bytes.first(std::min(room, bytes.size())));
        if (bytes.size() > room) {
            // What went wrong is told by the beginning; a document must be whole.
            if (!success) {
                co_return response;
            }
            co_return fail(
                Code::too_large,
                "the answer of {} is larger than {}",
                request.url.authority(),
                render_size(request.body_limit_bytes)
            );
        }
    }
    keep_ = parser->keep_alive();
    tcp().expires_never();
    co_return response;
}

}  // namespace kiln::registry
