#include "client/http/connection.hpp"

#include "client/wire/problem.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace kiln::client {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t k_buffer_bytes = 64UL * 1024;
constexpr std::size_t k_chunk_bytes = 256UL * 1024;
/// The size of a chunk in hex, and CRLF.
constexpr std::size_t k_chunk_head_bytes = 8;
constexpr int k_continue = 100;
constexpr std::string_view k_chunked = "Transfer-Encoding: chunked\r\n";

Error unreachable(const Endpoint& endpoint, int error_number) {
    if (error_number == EACCES || error_number == EPERM) {
        return Error{
            .code = Code::permission,
            .message = fmt::format("this user may not speak to kilnd at {}", endpoint.render()),
            .hint = "join the group that owns the socket, or run a kilnd of your own"};
    }
    return Error{
        .code = Code::timed_out,
        .message = fmt::format(
            "kilnd does not answer at {} ({})", endpoint.render(), std::strerror(error_number)
        ),
        .hint = fmt::format(
            "start it with \"kilnd --socket {}\", or name another with --host or KILN_HOST",
            endpoint.socket_path
        )};
}

Error nonsense(std::string_view why) {
    return Error{
        .code = Code::internal,
        .message = fmt::format("kilnd's answer makes no sense: {}", why),
        .hint = "\"kiln version\" tells whether kiln and kilnd are of one version"};
}

Error interrupted() {
    return Error{.code = Code::cancelled, .message = "interrupted"};
}

/// As send(2), without waiting; the files go along with the first byte.
ssize_t send_with_files(int socket, ByteSpan bytes, std::span<const Fd> files) {
    std::vector<int> numbers;
    for (const Fd& file : files) {
        numbers.push_back(file.get());
    }
    const std::size_t size = numbers.size() * sizeof(int);
    Bytes control(CMSG_SPACE(size));
    iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!numbers.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(part), numbers.data(), size);
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

struct Connection::State {
    Fd socket;
    boost::beast::flat_buffer buffer;
    std::optional<http::response_parser<http::buffer_body>> parser;
    bool answered_early = false;  // the daemon spoke before the request's body was sent
    bool silent = true;           // nothing of this answer has come yet
    bool starved = false;         // the parser can do nothing with what the buffer holds

    /// Whether another request may follow on this socket.
    [[nodiscard]] bool reusable() const {
        return !answered_early && parser && parser->is_done() && parser->keep_alive();
    }
};

/// Frames what it is given as chunks of a bounded size, each sent in one go.
class Connection::ChunkSink final : public ByteSink {
  public:
    explicit ChunkSink(Connection& connection)
        : connection_(connection),
          framed_(k_chunk_head_bytes) {
        framed_.reserve(k_chunk_head_bytes + k_chunk_bytes + k_line_end.size());
    }

    Result<void> write(ByteSpan bytes) override {
        while (!bytes.empty()) {
            const std::size_t count = std::min(bytes.size(), k_chunk_bytes - pending_bytes());
            framed_.insert(framed_.end(), bytes.begin(), bytes.begin() + static_cast<long>(count));
            bytes = bytes.subspan(count);
            if (pending_bytes() == k_chunk_bytes) {
                TRY(flush());
            }
        }
        return {};
    }

    Result<void> finish() {
        TRY(flush());
        return connection_.write(as_bytes("0\r\n\r\n"));
    }

  private:
    [[nodiscard]] std::size_t pending_bytes() const { return framed_.size() - k_chunk_head_bytes; }

    Result<void> flush() {
        if (pending_bytes() == 0) {
            return {};
        }
        const std::string head = fmt::format("{:06x}\r\n", pending_bytes());
        std::ranges::copy(as_bytes(head), framed_.begin());
        const ByteSpan end = as_bytes(k_line_end);
        framed_.insert(framed_.end(), end.begin(), end.end());
        TRY(connection_.write(framed_));
        framed_.resize(k_chunk_head_bytes);
        return {};
    }

    static constexpr std::string_view k_line_end = "\r\n";

    Connection& connection_;
    Bytes framed_;  // room for the head of the chunk, then what waits to be sent
};

Connection::Connection(Endpoint endpoint, const Interrupt& interrupt)
    : endpoint_(std::move(endpoint)),
      interrupt_(interrupt) {}

Connection::~Connection() = default;

Result<int> Connection::send(const Request& request) {
    const std::string framing = request.body.empty() && request.method == "GET"
                                    ? std::string()
                                    : fmt::format("Content-Length: {}\r\n", request.body.size());
    const bool reused = state_ && state_->reusable();
    auto attempt = [&]() -> Result<int> {
        TRY(start(request, framing));
        return read_head();
    };
    auto status = attempt();
    // A daemon may close an idle connection just when the next request is on its way.
    if (!status && reused && state_ && state_->silent && !interrupt_.raised()) {
        state_.reset();
        status = attempt();
    }
    return status;
}

Result<int> Connection::send(const Request& request, const BodyWriter& body) {
    TRY(start(request, k_chunked));
    ChunkSink sink(*this);
    auto sent = body(sink);
    if (sent) {
        sent = sink.finish();
    }
    if (!sent && !state_->answered_early) {
        state_.reset();  // half a request was sent
        return fail(std::move(sent).error());
    }
    TRY_ASSIGN(const int status, read_head());
    if (!sent) {
        return fail(nonsense("it took a request that was not sent to its end"));
    }
    return status;
}

Result<int> Connection::send(const Request& request, std::span<const Fd> files) {
    Request head = request;
    head.body.clear();
    TRY(start(
        head, fmt::format("Content-Length: {}\r\nExpect: 100-continue\r\n", request.body.size())
    ));
    // Sent at once, the files would meet a reader that expects none.
    TRY_ASSIGN(const int status, read_head());
    if (status != k_continue) {
        return fail(nonsense("it did not wait for the request's body"));
    }
    expect_answer();
    TRY(write(as_bytes(request.body), files));
    return read_head();
}

Result<json::Value> Connection::call(std::string_view method, std::string target) {
    TRY(send(Request{.method = method, .target = std::move(target)}));
    return read_json();
}

Result<json::Value> Connection::call(
    std::string_view method, std::string target, const json::Value& body
) {
    TRY(send(Request{.method = method, .target = std::move(target), .body = json::render(body)}));
    return read_json();
}

Result<json::Value> Connection::read_json() {
    TRY_ASSIGN(const Bytes bytes, read_all(*this, k_answer_bytes, "kilnd's answer"));
    if (bytes.empty()) {
        return json::Value(nullptr);
    }
    auto value = json::parse(as_text(bytes), "kilnd's answer");
    if (!value) {
        return fail(nonsense(value.error().message));
    }
    return value;
}

Result<void> Connection::get_rows(std::string target, std::string key, json::RowReader::Take take) {
    TRY(send(Request{.method = "GET", .target = std::move(target)}));
    json::RowReader rows(std::move(key), std::move(take));
    const auto read = [&]() -> Result<void> {
        TRY(copy_all(body(), rows));
        return rows.finish();
    }();
    if (!read && read.error().code == Code::invalid_input) {
        return fail(nonsense(read.error().message));
    }
    return read;
}

Result<Connection::Waited> Connection::wait(int timeout_ms) {
    if (!state_ || state_->parser->is_done() || state_->buffer.size() > 0) {
        return Waited::readable;
    }
    std::array<pollfd, 2> waiting = watched(POLLIN);
    const int count = ::poll(waiting.data(), waiting.size(), timeout_ms);
    if (count < 0 && errno != EINTR) {
        return fail_errno("poll");
    }
    if (waiting[1].revents != 0) {
        return Waited::interrupted;
    }
    return waiting[0].revents != 0 ? Waited::readable : Waited::timed_out;
}

void Connection::outlast_interrupt() {
    outlast_interrupt_ = true;
}

Result<std::size_t> Connection::read(MutableByteSpan into) {
    ASSERT(state_ && state_->parser);
    auto& parser = *state_->parser;
    auto& body = parser.get().body();
    body.data = into.data();
    body.size = into.size();
    body.more = true;
    while (!parser.is_done() && body.size == into.size()) {
        TRY(advance());
    }
    return into.size() - body.size;
}

Result<void> Connection::advance() {
    if (state_->buffer.size() == 0 || state_->starved) {
        TRY(fill());
    }
    boost::system::error_code error;
    state_->buffer.consume(state_->parser->put(state_->buffer.data(), error));
    state_->starved = error == http::error::need_more;
    if (error && !state_->starved && error != http::error::need_buffer) {
        return fail(nonsense(error.message()));
    }
    return {};
}

Result<void> Connection::fill() {
    while (true) {
        std::array<pollfd, 2> waiting = watched(POLLIN);
        if (::poll(waiting.data(), waiting.size(), -1) < 0) {
            continue;  // EINTR
        }
        if (waiting[1].revents != 0) {
            return fail(interrupted());
        }
        auto room = state_->buffer.prepare(k_buffer_bytes);
        const ssize_t count = ::recv(state_->socket.get(), room.data(), room.size(), MSG_DONTWAIT);
        if (count > 0) {
            state_->buffer.commit(static_cast<std::size_t>(count));
            state_->silent = false;
            return {};
        }
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            return fail(Error{
                .code = Code::upstream,
                .message = "kilnd closed the connection before it had answered",
                .hint = "its log may say why"});
        }
    }
}

Result<void> Connection::connect() {
    state_.reset();
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return fail_errno("socket");
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    endpoint_.socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return fail(unreachable(endpoint_, errno));
    }
    state_ = std::make_unique<State>();
    state_->socket = std::move(socket);
    return {};
}

Result<void> Connection::write(ByteSpan bytes, std::span<const Fd> files) {
    while (!bytes.empty()) {
        std::array<pollfd, 2> waiting = watched(POLLIN | POLLOUT);
        if (::poll(waiting.data(), waiting.size(), -1) < 0) {
            continue;  // EINTR
        }
        if (waiting[1].revents != 0) {
            return fail(interrupted());
        }
        if ((waiting[0].revents & (POLLIN | POLLHUP)) != 0) {
            state_->answered_early = true;
            return fail(Code::upstream, "kilnd answered before it had the whole request");
        }
        const ssize_t count = send_with_files(state_->socket.get(), bytes, files);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            state_->answered_early = true;  // its reason may wait to be read
            return fail_errno("writing to kilnd");
        }
        if (count > 0) {
            files = {};  // they went with the first byte
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }
    return {};
}

Result<void> Connection::start(const Request& request, std::string_view framing) {
    if (!state_ || !state_->reusable()) {
        TRY(connect());
    }
    expect_answer();
    const std::string type =
        framing.empty() ? std::string() : fmt::format("Content-Type: {}\r\n", request.content_type);
    const std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: kilnd\r\nUser-Agent: kiln\r\n{}{}\r\n{}",
        request.method,
        request.target,
        type,
        framing,
        request.body
    );
    auto written = write(as_bytes(head));
    if (!written && !state_->answered_early) {
        return written;
    }
    return {};  // what the daemon has to say is read next
}

void Connection::expect_answer() {
    state_->parser.emplace();
    state_->parser->body_limit(boost::none);
    state_->silent = true;
    state_->starved = false;
}

std::array<pollfd, 2> Connection::watched(short events) const {
    return {
        {{state_->socket.get(), events, 0},
         {outlast_interrupt_ ? -1 : interrupt_.fd(), POLLIN, 0}}};
}

Result<int> Connection::read_head() {
    auto& parser = *state_->parser;
    while (!parser.is_header_done()) {
        TRY(advance());
    }
    parser.eager(true);
    const int status = static_cast<int>(parser.get().result_int());
    return status < 400 ? Result<int>(status) : refuse_problem(status);
}

Result<int> Connection::refuse_problem(int status) {
    TRY_ASSIGN(const json::Value value, read_json(), "kilnd refused with status {}", status);
    TRY_ASSIGN(Error problem, wire::parse_problem(value), "kilnd refused with status {}", status);
    return fail(std::move(problem));
}

}  // namespace kiln::client
