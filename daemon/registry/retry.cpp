#include "daemon/registry/retry.hpp"

#include "daemon/registry/diagnostics.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>

namespace kiln::registry {
namespace {

namespace asio = boost::asio;

/// Who asks for more is asked again nevertheless, and refuses or not.
constexpr std::chrono::seconds k_longest_pause(60);

}  // namespace

std::chrono::milliseconds retry_after(const Response& response) {
    const std::string_view text = response.header("retry-after");
    std::uint32_t seconds = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (parsed.ec != std::errc{} || text.empty()) {
        return {};  // a date: clocks differ, so the usual pause has to do
    }
    return std::min<std::chrono::seconds>(std::chrono::seconds(seconds), k_longest_pause);
}

Awaitable<void> wait_before_retry(
    const RetryPolicy& retry, int attempt, std::chrono::milliseconds asked
) {
    auto delay = retry.first_delay;
    for (int i = 1; i < attempt && delay < retry.longest_delay; ++i) {
        delay *= 2;
    }
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, std::max(std::min(delay, retry.longest_delay), asked));
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Awaitable<Result<Response>> send_again(
    Authorizer& authorizer, Request request, const RetryPolicy& retry, bool (*also)(const Response&)
) {
    for (int attempt = 1;; ++attempt) {
        auto response = co_await authorizer.send(request);
        bool again = response ? is_temporary(*response) : Transport::is_transient(response.error());
        again = again || (response && also != nullptr && also(*response));
        if (!again || attempt >= retry.attempts) {
            co_return response;
        }
        const auto asked = response ? retry_after(*response) : std::chrono::milliseconds();
        co_await wait_before_retry(retry, attempt, asked);
    }
}

}  // namespace kiln::registry
