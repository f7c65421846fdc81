#pragma once

#include "daemon/registry/challenge.hpp"
#include "daemon/registry/transport.hpp"
#include "daemon/runtime/signal.hpp"

#include <map>
#include <optional>
#include <string>

namespace kiln::registry {

/// What the client sent for one host; lives as long as the request and is never logged.
struct Credentials {
    std::string username;
    std::string password;
};

/// Sends requests to one registry with what it asks for: Basic, or a Bearer token fetched for the
/// scope. The first 401 decides; a token that ran out is fetched again, once a request.
class Authorizer {
  public:
    Authorizer(
        Transport& transport,
        Url registry,
        std::optional<Credentials> credentials,
        std::string scope
    );

    /// Redirects of GET and HEAD, and those that keep the method, are followed (check_referral);
    /// credentials go to the registry only.
    /// Errors   the transport's; an answer of any status is no error.
    Awaitable<Result<Response>> send(Request request);

  private:
    class Learning;

    Awaitable<Result<Response>> send_following(Request request);
    Awaitable<Result<void>> answer(const Response& refused);
    Awaitable<Result<std::string>> fetch_token(const Challenge& challenge);
    [[nodiscard]] Result<Url> token_url(const Challenge& challenge) const;

    Transport& transport_;
    Url registry_;
    std::optional<Credentials> credentials_;
    std::string scope_;
    std::string authorization_;  // the header's value, once known
    bool learning_ = false;
    daemon::Signal learned_;
};

/// "repository:library/app:pull,push"
std::string push_scope(const std::string& repository);

}  // namespace kiln::registry
