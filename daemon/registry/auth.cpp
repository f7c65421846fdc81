#include "daemon/registry/auth.hpp"

#include "daemon/registry/diagnostics.hpp"
#include "store/base/base64.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::registry {
namespace {

constexpr int k_redirects = 5;
/// Tokens of real registries stay below 10 KiB; a header of ours must take them.
constexpr std::size_t k_token_bytes = 32 * 1024;
/// What stands in the memory for Basic: the credentials themselves are not kept.
constexpr std::string_view k_basic = "Basic";
constexpr std::chrono::hours k_basic_lifetime(24);
/// distribution's token specification: 60 s when the server does not say.
constexpr std::int64_t k_token_seconds = 60;
constexpr std::int64_t k_longest_token_seconds = 24L * 60 * 60;
/// A request that is on its way when the token ends would be refused.
constexpr std::int64_t k_token_margin_seconds = 5;

bool is_redirect(const Request& request, int status) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    return status == 307 || status == 308 || (reads && status >= 301 && status <= 303);
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
    const auto found = std::find_if(challenges.begin(), challenges.end(), [&](const auto& each) {
        return each.scheme == scheme;
    });
    return found == challenges.end() ? nullptr : &*found;
}

std::string parameter(const Challenge& challenge, const std::string& name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
}

std::string basic(const Credentials& credentials) {
    const std::string pair = credentials.username + ":" + credentials.password;
    return "Basic " + render_base64(as_bytes(pair));
}

bool is_visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

/// Credentials are hashed in, so that nobody else's request finds what was given for them.
Digest key_of(const Access& access) {
    std::string text = access.registry.render();
    const auto add = [&text](std::string_view part) { text.append(1, '\0').append(part); };
    for (const std::string& scope : access.scopes) {
        add(scope);
    }
    if (access.credentials) {
        add("");
        add(access.credentials->username);
        add(access.credentials->password);
    }
    return digest_of(text);
}

}  // namespace

std::string pull_scope(const std::string& repository) {
    return "repository:" + repository + ":pull";
}

std::string push_scope(const std::string& repository) {
    return "repository:" + repository + ":pull,push";
}

Authorizer::Authorizer(Transport& transport, Memory& memory, Access access)
    : transport_(transport),
      memory_(memory),
      access_(std::move(access)),
      memory_key_(key_of(access_)),
      learned_(transport.executor()) {}

/// Lets the others go on however the learning ends.
class Authorizer::Learning {
  public:
    explicit Learning(Authorizer& owner)
        : owner_(owner) {
        owner_.learning_ = true;
    }

    Learning(const Learning&) = delete;
    Learning& operator=(const Learning&) = delete;

    ~Learning() {
        owner_.learning_ = false;
        owner_.learned_.notify_all();
    }

  private:
    Authorizer& owner_;
};

Awaitable<Result<Response>> Authorizer::send(Request request) {
    if (authorization_.empty()) {
        recall();
    }
    const std::string sent = authorization_;
    auto first = co_await send_following(request);
    if (!first) {
        co_return fail(std::move(first).error());
    }
    // What another host than the registry wants to know of us is not told.
    if (first->response.status != 401 || !first->from.same_origin(access_.registry)) {
        co_return std::move(first->response);
    }
    // One asks for all: another token could be the end of the first.
    while (learning_) {
        co_await learned_.wait();
    }
    if (authorization_ == sent) {
        const Learning guard(*this);
        const auto answered = co_await answer(first->response);
        if (!answered) {
            co_return fail(answered.error());
        }
    }
    if (authorization_ == sent) {
        memory_.forget_authorization(memory_key_);
        co_return std::move(first->response);
    }
    auto second = co_await send_following(std::move(request));
    if (!second) {
        co_return fail(std::move(second).error());
    }
    co_return std::move(second->response);
}

void Authorizer::recall() {
    authorization_ = memory_.find_authorization(memory_key_);
    if (authorization_ == k_basic) {
        authorization_ = access_.credentials ? basic(*access_.credentials) : "";
    }
}

Awaitable<Result<Authorizer::Answer>> Authorizer::send_following(Request request) {
    for (int followed = 0;; ++followed) {
        Request attempt = request;
        if (!authorization_.empty() && attempt.url.same_origin(access_.registry)) {
            attempt.headers.emplace_back("Authorization", authorization_);
        }
        auto response = co_await transport_.send(std::move(attempt));
        // A server that speaks TLS now answers a plain request with 400 or not at all.
        const bool odd =
            response ? response->status == 400 : Transport::is_transient(response.error());
        if (odd && !request.url.tls) {
            memory_.forget_tls(request.url.authority());
        }
        if (!response) {
            co_return fail(std::move(response).error());
        }
        if (!is_redirect(request, response->status)) {
            co_return Answer{std::move(*response), request.url};
        }
        if (followed == k_redirects) {
            co_return fail(
                Code::upstream,
                "{} redirects more than {} times",
                access_.registry.authority(),
                k_redirects
            );
        }
        const auto next = request.url.resolve(response->header("location"));
        const auto allowed = next ? check(request.url, *next) : Result<void>(fail(next.error()));
        if (!allowed) {
            co_return fail(allowed.error());
        }
        request.url = *next;
    }
}

bool Authorizer::trusts(const Url& url) const {
    const auto& hosts = access_.trusted_hosts;
    return std::find(hosts.begin(), hosts.end(), url.authority()) != hosts.end();
}

Result<void> Authorizer::check(const Url& from, const Url& to) const {
    return trusts(to) ? Result<void>() : check_referral(from, to);
}

/// Learns from a 401 what to send; nothing changes when there is nothing else to send.
Awaitable<Result<void>> Authorizer::answer(const Response& refused) {
    std::vector<Challenge> challenges;
    const auto [first, last] = refused.headers.equal_range("www-authenticate");
    for (auto header = first; header != last; ++header) {
        auto more = parse_challenges(header->second);
        std::move(more.begin(), more.end(), std::back_inserter(challenges));
    }
    if (const Challenge* bearer = find_scheme(challenges, "bearer")) {
        auto token = co_await fetch_token(*bearer);
        if (!token) {
            co_return fail(std::move(token).error());
        }
        authorization_ = "Bearer " + token->value;
        memory_.note_authorization(memory_key_, authorization_, token->lifetime);
    } else if (find_scheme(challenges, "basic") != nullptr && access_.credentials) {
        authorization_ = basic(*access_.credentials);
        memory_.note_authorization(memory_key_, std::string(k_basic), k_basic_lifetime);
    }
    co_return Result<void>();
}

Result<Url> Authorizer::token_url(const Challenge& challenge) const {
    const Url& registry = access_.registry;
    TRY_ASSIGN(Url url, Url::parse(parameter(challenge, "realm")));
    TRY(check(registry, url));
    const bool safe = url.tls || is_loopback(url.host) || url.same_origin(registry) || trusts(url);
    if (!safe && access_.credentials) {
        return fail(
            Code::permission,
            "{} wants the credentials sent to {} in plain http",
            registry.authority(),
            url.authority()
        );
    }
    if (const std::string service = parameter(challenge, "service"); !service.empty()) {
        url = url.with_query("service", service);
    }
    for (const std::string& scope : access_.scopes) {
        url = url.with_query("scope", scope);
    }
    // What else the registry asks for.
    const auto& scopes = access_.scopes;
    const std::string asked = parameter(challenge, "scope");
    if (!asked.empty() && std::find(scopes.begin(), scopes.end(), asked) == scopes.end()) {
        url = url.with_query("scope", asked);
    }
    if (access_.credentials) {
        url = url.with_query("account", access_.credentials->username);
    }
    return url;
}

Awaitable<Result<Authorizer::Token>> Authorizer::fetch_token(const Challenge& challenge) {
    auto url = token_url(challenge);
    if (!url) {
        co_return fail(std::move(url).error());
    }
    Request request;
    request.url = *url;
    request.body_limit_bytes = 2 * k_token_bytes;
    request.headers.emplace_back("Accept", "application/json");
    if (access_.credentials) {
        request.headers.emplace_back("Authorization", basic(*access_.credentials));
    }
    auto response = co_await transport_.send(request);
    if (!response) {
        co_return fail(std::move(response).error());
    }
    if (response->status != 200) {
        Error error = answer_error(request, *response).with_trail("fetching a token");
        if (!error.hint.empty()) {
            error.hint = "kiln login " + access_.registry.authority();
        }
        co_return fail(std::move(error));
    }
    co_return token_of(response->body);
}

Result<Authorizer::Token> Authorizer::token_of(std::string_view body) {
    TRY_ASSIGN(const auto value, json::parse(body, "the token"));
    json::ObjectReader in(value, "the token");
    std::int64_t lifetime = in.optional_integer("expires_in").value_or(k_token_seconds);
    lifetime = std::clamp(lifetime, std::int64_t{0}, k_longest_token_seconds);
    lifetime -= std::min(lifetime, k_token_margin_seconds);
    // The first is distribution's name for it, the second OAuth 2.0's.
    for (const char* key : {"token", "access_token"}) {
        std::string token = in.optional_text(key).value_or("");
        if (token.empty()) {
            continue;
        }
        if (token.size() > k_token_bytes || !is_visible(token)) {
            return fail(Code::upstream, "the token that was given is malformed");
        }
        return Token{std::move(token), std::chrono::seconds(lifetime)};
    }
    return fail(Code::upstream, "the answer holds no token");
}

}  // namespace kiln::registry
