#include "daemon/registry/transport.hpp"

#include "daemon/registry/connection.hpp"

#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <utility>

namespace kiln::registry {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// To one place; more are closed after their answer.
constexpr std::size_t k_idle_connections = 8;

bool is_header_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte != 0x7F;
    });
}

/// Nothing that came from elsewhere may end a line of the request.
Result<void> check_request(const Request& request) {
    for (const auto& [name, value] : request.headers) {
        if (!is_header_text(name) || !is_header_text(value)) {
            return fail(Code::invalid_input, "the header {} holds control characters", name);
        }
    }
    if (!is_header_text(request.url.target) || request.url.target.find(' ') != std::string::npos) {
        return fail(Code::invalid_input, "the URL holds control characters");
    }
    return {};
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
    const auto found = headers.find(std::string(name));
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

struct Transport::State {
    struct Idle {
        std::string origin;
        std::unique_ptr<Connection> connection;
        Clock::time_point since;
    };

    State(asio::any_io_executor executor, ThreadPool& threads, const TransportOptions& given)
        : loop(std::move(executor)),
          pool(threads),
          options(given),
          tls(asio::ssl::context::tls_client) {}

    Result<void> prepare_tls() {
        if (tls_ready) {
            return {};
        }
        boost::system::error_code error;
        tls.set_options(
            asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2
                | asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1
                | asio::ssl::context::no_tlsv1_1,
            error
        );
        tls.set_default_verify_paths(error);
        tls.set_verify_mode(asio::ssl::verify_peer, error);
        if (!options.extra_authorities.empty()) {
            tls.load_verify_file(options.extra_authorities, error);
            if (error) {
                return fail(
                    Code::invalid_input,
                    "{} is no file of certificates: {}",
                    options.extra_authorities,
                    error.message()
                );
            }
        }
        tls_ready = true;
        return {};
    }

    /// The connection to this place that was used last, if one is still fresh.
    std::unique_ptr<Connection> take_idle(const std::string& origin) {
        const auto now = Clock::now();
        std::erase_if(idle, [&](const Idle& each) {
            return now - each.since > options.keep_alive;
        });
        const auto found = std::find_if(idle.rbegin(), idle.rend(), [&](const Idle& each) {
            return each.origin == origin;
        });
        if (found == idle.rend()) {
            return nullptr;
        }
        auto connection = std::move(found->connection);
        idle.erase(std::next(found).base());
        return connection;
    }

    void keep(std::string origin, std::unique_ptr<Connection> connection) {
        const auto same = std::count_if(idle.begin(), idle.end(), [&](const Idle& each) {
            return each.origin == origin;
        });
        if (static_cast<std::size_t>(same) < k_idle_connections) {
            idle.push_back({std::move(origin), std::move(connection), Clock::now()});
        }
    }

    asio::any_io_executor loop;
    ThreadPool& pool;
    TransportOptions options;
    asio::ssl::context tls;
    bool tls_ready = false;
    std::vector<Idle> idle;
};

Transport::Transport(asio::any_io_executor loop, ThreadPool& pool, const TransportOptions& options)
    : state_(std::make_unique<State>(std::move(loop), pool, options)) {}

Transport::~Transport() = default;

Awaitable<Result<Response>> Transport::send(Request request) {
    if (const auto checked = check_request(request); !checked) {
        co_return fail(checked.error());
    }
    if (request.url.tls) {
        if (const auto ready = state_->prepare_tls(); !ready) {
            co_return fail(ready.error());
        }
    }
    const std::string origin = (request.url.tls ? "s" : "p") + request.url.authority();
    auto connection = state_->take_idle(origin);
    while (true) {
        const bool reused = connection != nullptr;
        if (!reused) {
            connection = std::make_unique<Connection>(state_->loop, state_->pool, state_->options);
            auto opened = co_await connection->open(request.url, state_->tls);
            if (!opened) {
                co_return fail(std::move(opened).error());
            }
        }
        auto response = co_await connection->exchange(request);
        if (response && connection->may_be_kept()) {
            state_->keep(origin, std::move(connection));
        }
        // The other side may close a kept connection at any time, this moment included. A part of
        // a file that may have arrived is not sent again here: its sender asks how much is there.
        const bool whole = std::holds_alternative<std::string>(request.body);
        const bool stale = !response && reused && whole && !connection->answered()
                           && response.error().code == Code::upstream;
        if (!stale) {
            co_return response;
        }
        connection = nullptr;
    }
}

asio::any_io_executor Transport::executor() const {
    return state_->loop;
}

bool Transport::is_transient(const Error& error) {
    return error.code == Code::upstream || error.code == Code::timed_out;
}

}  // namespace kiln::registry
