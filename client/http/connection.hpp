#pragma once

#include "client/http/endpoint.hpp"
#include "client/interrupt.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/base/json.hpp"
#include "store/base/json_rows.hpp"

#include <poll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kiln::client {

/// Answers that are kept in memory whole: 200,000 missing digests are 15 MiB.
inline constexpr std::size_t k_answer_bytes = 64UL * 1024 * 1024;

struct Request {
    std::string_view method = "GET";
    std::string target;  // path and query, encoded
    std::string_view content_type = "application/json";
    std::string body = {};
};

/// Writes a body of unknown length into the sink, which sends it in chunks.
using BodyWriter = std::function<Result<void>(ByteSink&)>;

/// One keep-alive HTTP/1.1 connection to kilnd, used by one request after the other; it opens
/// itself anew when the last answer was not read to its end. A problem+json answer comes back as
/// the Error that it holds.
/// Errors   timed_out with a hint when nobody listens; cancelled when interrupted; internal for an
///          answer that makes no sense.
/// Thread   one.
class Connection final : private ByteSource {
  public:
    /// `interrupt` outlives the connection. Opens nothing yet.
    Connection(Endpoint endpoint, const Interrupt& interrupt);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() override;

    /// Sends the request and reads the head of a successful answer; its body is then read from
    /// body(). The status is given.
    Result<int> send(const Request& request);
    /// The same with a streamed body. The daemon may refuse before everything is sent: then its
    /// reason is the error, not the broken pipe.
    Result<int> send(const Request& request, const BodyWriter& body);

    /// The same with open files beside the body (SCM_RIGHTS), which the daemon reads by itself. A
    /// socket that is forwarded loses them; the answer says what arrived.
    Result<int> send(const Request& request, std::span<const Fd> files);

    /// The answer's body, as it comes; bounded by nobody.
    ByteSource& body() { return *this; }

    /// Request and answer as JSON documents (the answer is empty: null).
    Result<json::Value> call(std::string_view method, std::string target);
    Result<json::Value> call(std::string_view method, std::string target, const json::Value& body);
    /// A list that may have very many rows, {"KEY": [row…]}: each is taken as it comes.
    Result<void> get_rows(std::string target, std::string key, json::RowReader::Take take);
    /// The rest of body() as a JSON document.
    Result<json::Value> read_json();

    enum class Waited : std::uint8_t { readable, timed_out, interrupted };
    /// Waits until body() has something (its end counts).
    Result<Waited> wait(int timeout_ms);
    /// From now on Ctrl-C does not end reading: the last words of a cancelled build are awaited.
    void outlast_interrupt();

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

  private:
    struct State;
    class ChunkSink;

    Result<std::size_t> read(MutableByteSpan into) override;
    /// Gives the parser what has come, and waits for more where that is not enough.
    Result<void> advance();
    Result<void> fill();
    Result<void> connect();
    Result<void> write(ByteSpan bytes, std::span<const Fd> files = {});
    Result<void> start(const Request& request, std::string_view framing);
    void expect_answer();
    Result<int> read_head();
    [[nodiscard]] std::array<pollfd, 2> watched(short events) const;
    Result<int> refuse_problem(int status);

    Endpoint endpoint_;
    const Interrupt& interrupt_;
    bool outlast_interrupt_ = false;
    std::unique_ptr<State> state_;  // of the open socket; null: none
};

}  // namespace kiln::client
