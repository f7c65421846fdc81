#include "tests/support/fake_registry.hpp"

#include "store/base/base64.hpp"
#include "store/base/bytes.hpp"
#include "store/hasher.hpp"
#include "tests/support/fake_answer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace kiln::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto k_as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct FakeRegistry::State {
    explicit State(const FakeRegistryOptions& given)
        : options(given),
          acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          tls(asio::ssl::context::tls_server) {
        if (!options.certificate.empty()) {
            tls.use_certificate_chain_file(options.certificate);
            tls.use_private_key_file(options.key, asio::ssl::context::pem);
        }
    }

    using Request = http::request<http::string_body>;

    asio::awaitable<void> accept() {
        while (true) {
            auto [error, socket] = co_await acceptor.async_accept(k_as_result);
            if (error) {
                co_return;
            }
            ++connections;
            auto shared = std::make_shared<tcp::socket>(std::move(socket));
            sockets.insert(shared);
            asio::co_spawn(loop, serve(shared), asio::detached);
        }
    }

    asio::awaitable<void> serve(std::shared_ptr<tcp::socket> socket) {
        if (options.certificate.empty()) {
            co_await serve_on(*socket, *socket);
        } else {
            asio::ssl::stream<tcp::socket&> stream(*socket, tls);
            const auto [error] =
                co_await stream.async_handshake(asio::ssl::stream_base::server, k_as_result);
            if (!error) {
                co_await serve_on(stream, *socket);
            }
        }
        sockets.erase(socket);
        boost::system::error_code ignored;
        socket->close(ignored);
    }

    template<class Stream>
    asio::awaitable<void> serve_on(Stream& stream, tcp::socket& socket) {
        beast::flat_buffer buffer;
        while (true) {
            http::request_parser<http::string_body> parser;
            parser.body_limit(boost::none);
            const auto [head_error, head_bytes] =
                co_await http::async_read_header(stream, buffer, parser, k_as_result);
            if (head_error) {
                co_return;
            }
            while (!parser.is_done()) {
                const auto [error, count] =
                    co_await http::async_read_some(stream, buffer, parser, k_as_result);
                if (error || is_cut(parser.get())) {
                    keep_part(parser.get());
                    boost::system::error_code ignored;
                    socket.close(ignored);
                    co_return;
                }
            }
            Answer answer = handle(parser.get());
            if (answer.cut_after || answer.endless) {
                co_await misbehave(stream, answer);
                boost::system::error_code ignored;
                socket.close(ignored);
                co_return;
            }
            http::response<http::string_body> response;
            response.result(static_cast<unsigned>(answer.status));
            response.body() = std::move(answer.body);
            for (const auto& [name, value] : answer.headers) {
                response.set(name, value);
            }
            if (parser.get().method() == http::verb::head) {
                response.body().clear();
            } else if (answer.status != 204) {
                response.prepare_payload();
            }
            const auto [error, count] = co_await http::async_write(stream, response, k_as_result);
            if (error) {
                co_return;
            }
        }
    }

    /// A body that ends early, or never.
    template<class Stream>
    asio::awaitable<void> misbehave(Stream& stream, const Answer& answer) {
        const std::string length =
            answer.endless ? "" : fmt::format("Content-Length: {}\r\n", answer.body.size());
        std::string part = "HTTP/1.1 200 OK\r\n" + length + "\r\n";
        part += answer.endless ? std::string() : answer.body.substr(0, *answer.cut_after);
        while (true) {
            const auto [error, count] =
                co_await asio::async_write(stream, asio::buffer(part), k_as_result);
            if (error || !answer.endless) {
                co_return;
            }
            part.assign(64 * 1024, 'x');
        }
    }

    /// A blob, or the part of it that is asked for.
    Answer blob_answer(
        const std::string& method, const std::string& bytes, const std::string& range
    ) {
        Answer answer{200, bytes, {}};
        if (method == "GET" && cut_blob) {
            answer.cut_after = std::exchange(cut_blob, std::nullopt);
        } else if (method == "GET" && std::exchange(endless_blob, false)) {
            answer.endless = true;
        } else if (!range.empty() && options.ranges == FakeRanges::refused) {
            return Answer{416, "", {}};
        } else if (!range.empty() && options.ranges != FakeRanges::ignored) {
            const bool honest = options.ranges == FakeRanges::honoured;
            const std::size_t begin = honest ? std::stoull(range.substr(6)) : 0;
            answer = Answer{206, bytes.substr(begin), {}};
            answer.headers["Content-Range"] =
                fmt::format("bytes {}-{}/{}", begin, bytes.size() - 1, bytes.size());
        }
        answer.headers["Content-Length"] = std::to_string(answer.body.size());
        return answer;
    }

    bool is_cut(const Request& request) {
        const std::lock_guard lock(mutex);
        const bool upload =
            request.method() == http::verb::put || request.method() == http::verb::patch;
        if (!upload || !cut_after || request.body().size() < *cut_after) {
            return false;
        }
        cut_after.reset();
        return true;
    }

    /// What came of an upload before its connection ended.
    void keep_part(const Request& request) {
        const std::lock_guard lock(mutex);
        const std::string id = upload_of(std::string(request.target()));
        if (uploads.contains(id)) {
            uploads[id] += request.body();
        }
    }

    static std::string upload_of(const std::string& target) {
        const std::string path = target.substr(0, target.find('?'));
        const std::size_t found = path.find("/blobs/uploads/");
        return found == std::string::npos ? "" : path.substr(found + 15);
    }

    std::optional<Answer> planned_answer(const std::string& method, const std::string& target) {
        for (Planned& each : planned) {
            if (each.times > 0 && each.method == method && target.find(each.part) != target.npos) {
                --each.times;
                return Answer{each.status, each.body, each.headers};
            }
        }
        return std::nullopt;
    }

    std::optional<Answer> refuse(const Request& request, const std::string& target) {
        const std::string given(request["Authorization"]);
        const std::string pair = options.username + ":" + options.password;
        const std::string basic = "Basic " + render_base64(as_bytes(pair));
        Answer refusal;
        refusal.status = 401;
        refusal.body =
            R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})";
        if (target.starts_with("/token")) {
            if (given == basic) {
                const std::string token =
                    "t" + std::to_string(++tokens) + "." + query_of(target, "scope");
                valid_token = "Bearer " + token;
                const std::string lifetime =
                    options.token_seconds == 0
                        ? ""
                        : fmt::format(R"(,"expires_in":{})", options.token_seconds);
                return Answer{200, R"({"token":")" + token + "\"" + lifetime + "}", {}};
            }
            return refusal;
        }
        if (options.auth == FakeAuth::basic && given != basic) {
            refusal.headers["WWW-Authenticate"] = "Basic realm=\"fake\"";
            return refusal;
        }
        if (options.auth == FakeAuth::bearer && (given != valid_token || given.empty())) {
            refusal.headers["WWW-Authenticate"] =
                "Bearer realm=\"" + scheme() + host() + "/token\",service=\"fake\"";
            return refusal;
        }
        return std::nullopt;
    }

    Answer handle(const Request& request) {
        const std::lock_guard lock(mutex);
        const std::string method(request.method_string());
        const std::string target(request.target());
        const std::string path = target.substr(0, target.find('?'));
        log.push_back(method + " " + path);
        authorizations.emplace_back(request["Authorization"]);
        if (auto answer = planned_answer(method, target)) {
            return *answer;
        }
        if (auto answer = refuse(request, target)) {
            return *answer;
        }
        if (path == "/v2/") {
            return {};
        }
        const bool too_large =
            options.request_limit_bytes > 0 && request.body().size() > options.request_limit_bytes;
        if (too_large) {
            return Answer{413, "<html>too large</html>", {}};
        }
        if (path.find("/blobs/uploads/") != path.npos) {
            return handle_upload(method, target, request);
        }
        if (const auto found = path.find("/blobs/"); found != path.npos) {
            const auto blob = blobs.find(path.substr(found + 7));
            return blob == blobs.end()
                       ? Answer{404, R"({"errors":[{"code":"BLOB_UNKNOWN"}]})", {}}
                       : blob_answer(method, blob->second, std::string(request["Range"]));
        }
        return handle_manifest(method, path, request);
    }

    Answer handle_upload(
        const std::string& method, const std::string& target, const Request& request
    ) {
        const std::string id = upload_of(target);
        if (method == "POST") {
            const std::string mount = query_of(target, "mount");
            if (elsewhere.contains(mount)) {
                blobs[mount] = elsewhere[mount];
                return Answer{201, "", {{"Location", target}}};
            }
            const std::string fresh = "u" + std::to_string(++last_upload);
            uploads[fresh] = "";
            return accepted(target.substr(0, target.find('?')) + fresh, fresh);
        }
        if (!uploads.contains(id)) {
            return Answer{404, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})", {}};
        }
        if (method == "GET") {
            Answer answer = accepted(target, id);
            answer.status = 204;
            return answer;
        }
        const std::string range(request["Content-Range"]);
        if (!range.empty() && std::stoull(range) != uploads[id].size()) {
            return Answer{416, "", {}};
        }
        uploads[id] += request.body();
        if (method == "PATCH") {
            return accepted(target, id);
        }
        const std::string wanted = query_of(target, "digest");
        const std::string bytes = uploads[id];
        uploads.erase(id);
        if (digest_of(bytes).render() != wanted) {
            return Answer{
                400, R"({"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]})", {}};
        }
        blobs[wanted] = bytes;
        return Answer{201, "", {{"Docker-Content-Digest", wanted}}};
    }

    Answer accepted(const std::string& location, const std::string& id) {
        const std::size_t size = uploads[id].size();
        Answer answer{202, "", {{"Location", location}}};
        answer.headers["Range"] = "0-" + std::to_string(size == 0 ? 0 : size - 1);
        if (options.chunk_min_length > 0) {
            answer.headers["OCI-Chunk-Min-Length"] = std::to_string(options.chunk_min_length);
        }
        return answer;
    }

    Answer handle_manifest(
        const std::string& method, const std::string& path, const Request& request
    ) {
        if (method == "PUT") {
            manifests[path] = request.body();
            types[path] = std::string(request["Content-Type"]);
            return Answer{201, "", {{"Docker-Content-Digest", digest_of(request.body()).render()}}};
        }
        const auto found = manifests.find(path);
        if (found == manifests.end()) {
            return Answer{404, R"({"errors":[{"code":"MANIFEST_UNKNOWN"}]})", {}};
        }
        return Answer{
            200,
            found->second,
            {{"Content-Type", types[path]},
             {"Content-Length", std::to_string(found->second.size())},
             {"Docker-Content-Digest", digest_of(found->second).render()}}};
    }

    [[nodiscard]] std::string scheme() const {
        return options.certificate.empty() ? "http://" : "https://";
    }

    [[nodiscard]] std::string host() const {
        return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    }

    FakeRegistryOptions options;
    asio::io_context loop{1};
    tcp::acceptor acceptor;
    asio::ssl::context tls;
    std::set<std::shared_ptr<tcp::socket>> sockets;  // the loop's own

    mutable std::mutex mutex;
    std::deque<Planned> planned;
    std::optional<std::uint64_t> cut_after;
    std::map<std::string, std::string> blobs;
    std::map<std::string, std::string> elsewhere;
    std::map<std::string, std::string> manifests;
    std::map<std::string, std::string> types;  // of manifests, by path
    std::map<std::string, std::string> uploads;
    std::vector<std::string> log;
    std::vector<std::string> authorizations;
    std::optional<std::uint64_t> cut_blob;
    bool endless_blob = false;
    std::string valid_token;
    int tokens = 0;
    int last_upload = 0;
    std::atomic<int> connections{0};
    std::thread thread;
};

FakeRegistry::FakeRegistry(const FakeRegistryOptions& options)
    : state_(std::make_unique<State>(options)) {
    asio::co_spawn(state_->loop, state_->accept(), asio::detached);
    state_->thread = std::thread([state = state_.get()] { state->loop.run(); });
}

FakeRegistry::~FakeRegistry() {
    state_->loop.stop();
    state_->thread.join();
}

std::string FakeRegistry::host() const {
    return state_->host();
}

void FakeRegistry::answer_next(
    const std::string& method,
    const std::string& part,
    int status,
    int times,
    const std::string& body,
    const std::map<std::string, std::string>& headers
) {
    const std::lock_guard lock(state_->mutex);
    state_->planned.push_back({method, part, status, times, body, headers});
}

void FakeRegistry::cut_next_upload(std::uint64_t after_bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->cut_after = after_bytes;
}

void FakeRegistry::cut_next_blob(std::uint64_t after_bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->cut_blob = after_bytes;
}

void FakeRegistry::send_endless_blob() {
    const std::lock_guard lock(state_->mutex);
    state_->endless_blob = true;
}

Digest FakeRegistry::put_blob(const std::string& bytes) {
    const std::lock_guard lock(state_->mutex);
    const Digest digest = digest_of(bytes);
    state_->blobs[digest.render()] = bytes;
    return digest;
}

Digest FakeRegistry::put_manifest(
    const std::string& repository,
    const std::string& reference,
    const std::string& text,
    const std::string& media_type
) {
    const std::lock_guard lock(state_->mutex);
    const Digest digest = digest_of(text);
    for (const std::string& name : {reference, digest.render()}) {
        const std::string path = "/v2/" + repository + "/manifests/" + name;
        state_->manifests[path] = text;
        state_->types[path] = media_type;
    }
    return digest;
}

std::vector<std::string> FakeRegistry::authorizations() const {
    const std::lock_guard lock(state_->mutex);
    return state_->authorizations;
}

void FakeRegistry::close_connections() {
    std::promise<void> done;
    asio::post(state_->loop, [this, &done] {
        for (const auto& socket : state_->sockets) {
            boost::system::error_code ignored;
            socket->close(ignored);
        }
        done.set_value();
    });
    done.get_future().wait();
}

void FakeRegistry::put_elsewhere(const std::string& bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->elsewhere[digest_of(bytes).render()] = bytes;
}

std::optional<std::string> FakeRegistry::blob(const Digest& digest) const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->blobs.find(digest.render());
    return found == state_->blobs.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> FakeRegistry::manifest(
    const std::string& repository, const std::string& reference
) const {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->manifests.find("/v2/" + repository + "/manifests/" + reference);
    return found == state_->manifests.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> FakeRegistry::requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->log;
}

int FakeRegistry::connections() const {
    return state_->connections;
}

}  // namespace kiln::testing
