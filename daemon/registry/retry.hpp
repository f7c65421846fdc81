#pragma once

#include "daemon/registry/auth.hpp"

#include <chrono>

namespace kiln::registry {

struct RetryPolicy {
    int attempts = 5;
    std::chrono::milliseconds first_delay{500};  // doubled each time
    std::chrono::milliseconds longest_delay{8'000};
};

/// How long a server asks to be left alone (Retry-After in seconds, RFC 9110, 10.2.3), at most a
/// minute; zero when it does not say.
std::chrono::milliseconds retry_after(const Response& response);

/// The pause after the `attempt`-th failure, counted from 1; at least as long as was `asked` for.
Awaitable<void> wait_before_retry(
    const RetryPolicy& retry, int attempt, std::chrono::milliseconds asked = {}
);

/// Repeats while the failure is temporary, or what `also` says of an answer.
Awaitable<Result<Response>> send_again(
    Authorizer& authorizer,
    Request request,
    const RetryPolicy& retry,
    bool (*also)(const Response&) = nullptr
);

}  // namespace kiln::registry
