#include "daemon/registry/auth.hpp"

#include "daemon/registry/diagnostics.hpp"
#include "store/base/base64.hpp"
#include "store/base/json.hpp"

#include <algorithm>

namespace kiln::registry {
namespace {

constexpr int k_redirects = 5;
/// Tokens of real registries stay below 10 KiB; a header of ours must take them.
constexpr std::size_t k_token_bytes = 32 * 1024;

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

Result<std::string> token_of(std::string_view body) {
    TRY_ASSIGN(const auto value, json::parse(body, "the token"));
    for (const char* key : {"token", "access_token"}) {
        const json::Value* text = value.is_object() ? value.get_object().if_contains(key) : nullptr;
        if (text == nullptr || !text->is_string() || text->get_string().empty()) {
            continue;
        }
        std::string token(std::string_view(text->get_string()));
        if (token.size() > k_token_bytes || !is_visible(token)) {
            return fail(Code::upstream, "the token that was given is malformed");
        }
        return token;
    }
    return fail(Code::upstream, "the answer holds no token");
}

}  // namespace

std::string push_scope(const std::string& repository) {
    return "repository:" + repository + ":pull,push";
}

Authorizer::Authorizer(
    Transport& transport, Url registry, std::optional<Credentials> credentials, std::string scope
)
    : transport_(transport),
      registry_(std::move(registry)),
      credentials_(std::move(credentials)),
      scope_(std::move(scope)),
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
    const std::string sent = authorization_;
    auto response = co_await send_following(request);
    if (!response || response->status != 401) {
        co_return response;
    }
    // One asks for all: another token could be the end of the first.
    while (learning_) {
        co_await learned_.wait();
    }
    if (authorization_ == sent) {
        const Learning guard(*this);
        const auto answered = co_await answer(*response);
        if (!answered) {
            co_return fail(answered.error());
        }
    }
    if (authorization_ == sent) {
        co_return response;
    }
    co_return co_await send_following(std::move(request));
}

Awaitable<Result<Response>> Authorizer::send_following(Request request) {
    for (int followed = 0;; ++followed) {
        Request attempt = request;
        if (!authorization_.empty() && attempt.url.same_origin(registry_)) {
            attempt.headers.emplace_back("Authorization", authorization_);
        }
        auto response = co_await transport_.send(std::move(attempt));
        if (!response || !is_redirect(request, response->status)) {
            co_return response;
        }
        if (followed == k_redirects) {
            co_return fail(
                Code::upstream,
                "{} redirects more than {} times",
                registry_.authority(),
                k_redirects
            );
        }
        const auto next = request.url.resolve(response->header("location"));
        const auto allowed =
            next ? check_referral(request.url, *next) : Result<void>(fail(next.error()));
        if (!allowed) {
            co_return fail(allowed.error());
        }
        request.url = *next;
    }
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
        authorization_ = "Bearer " + *token;
    } else if (find_scheme(challenges, "basic") != nullptr && credentials_) {
        authorization_ = basic(*credentials_);
    }
    co_return Result<void>();
}

Result<Url> Authorizer::token_url(const Challenge& challenge) const {
    TRY_ASSIGN(Url url, Url::parse(parameter(challenge, "realm")));
    TRY(check_referral(registry_, url));
    if (const std::string service = parameter(challenge, "service"); !service.empty()) {
        url = url.with_query("service", service);
    }
    if (!scope_.empty()) {
        url = url.with_query("scope", scope_);
    }
    // What else the registry asks for, for example pull of the repository to mount from.
    if (const std::string asked = parameter(challenge, "scope");
        !asked.empty() && asked != scope_) {
        url = url.with_query("scope", asked);
    }
    if (credentials_) {
        url = url.with_query("account", credentials_->username);
    }
    return url;
}

Awaitable<Result<std::string>> Authorizer::fetch_token(const Challenge& challenge) {
    auto url = token_url(challenge);
    if (!url) {
        co_return fail(std::move(url).error());
    }
    Request request;
    request.url = *url;
    request.body_limit_bytes = 2 * k_token_bytes;
    request.headers.emplace_back("Accept", "application/json");
    if (credentials_) {
        request.headers.emplace_back("Authorization", basic(*credentials_));
    }
    auto response = co_await transport_.send(request);
    if (!response) {
        co_return fail(std::move(response).error());
    }
    if (response->status != 200) {
        co_return fail(answer_error(request, *response).with_trail("fetching a token"));
    }
    co_return token_of(response->body);
}

}  // namespace kiln::registry
