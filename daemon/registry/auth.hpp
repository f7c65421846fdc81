#pragma once

#include "daemon/registry/challenge.hpp"
#include "daemon/registry/memory.hpp"
#include "daemon/registry/transport.hpp"
#include "daemon/runtime/signal.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::registry {

/// What the client sent for one host; lives as long as the request and is never logged.
struct Credentials {
    std::string username;
    std::string password;
};

/// Which registry is spoken to, as whom, and what for.
struct Access {
    Url registry;  // its API: "https://host/v2/"
    std::optional<Credentials> credentials = std::nullopt;
    std::vector<std::string> scopes = {};
    /// Hosts that the configuration names: what check_referral refuses may be one of these.
    std::vector<std::string> trusted_hosts = {};
};

/// Sends requests to one registry with what it asks for: Basic, or a Bearer token fetched for the
/// scopes. The first 401 decides, and is remembered; a token that ran out is fetched again, once a
/// request.
class Authorizer {
  public:
    Authorizer(Transport& transport, Memory& memory, Access access);

    /// Redirects of GET and HEAD, and those that keep the method, are followed (check_referral);
    /// credentials and tokens go to the registry only, and credentials to who gives its tokens:
    /// over https, or where this machine or the configuration vouches for the way there.
    /// Errors   the transport's; an answer of any status is no error.
    Awaitable<Result<Response>> send(Request request);

  private:
    class Learning;

    struct Answer {
        Response response;
        Url from;  // where redirects led to
    };

    struct Token {
        std::string value;
        std::chrono::seconds lifetime;
    };

    static Result<Token> token_of(std::string_view body);

    Awaitable<Result<Answer>> send_following(Request request);
    Awaitable<Result<void>> answer(const Response& refused);
    Awaitable<Result<Token>> fetch_token(const Challenge& challenge);
    void recall();
    [[nodiscard]] Result<Url> token_url(const Challenge& challenge) const;
    [[nodiscard]] Result<void> check(const Url& from, const Url& to) const;
    [[nodiscard]] bool trusts(const Url& url) const;

    Transport& transport_;
    Memory& memory_;
    Access access_;
    Digest memory_key_;
    std::string authorization_;  // the header's value, once known
    bool learning_ = false;
    daemon::Signal learned_;
};

/// "repository:library/app:pull"
std::string pull_scope(const std::string& repository);
/// "repository:library/app:pull,push"
std::string push_scope(const std::string& repository);

}  // namespace kiln::registry
