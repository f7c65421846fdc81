#include "daemon/conda/download.hpp"

#include "daemon/build/registry_access.hpp"
#include "daemon/conda/oci_download.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/base64.hpp"

#include <boost/url/parse.hpp>

#include <charconv>

namespace kiln::daemon {
namespace {

using registry::Awaitable;
using registry::Request;
using registry::Response;
using registry::Transport;
using registry::Url;

constexpr int k_redirects = 5;
constexpr int k_range_not_satisfiable = 416;
constexpr const char* k_credentials_hint =
    "credentials of channels stand in kilnd.toml, [conda.credentials]";

/// Where anaconda's servers look for a token: "https://host/t/TOKEN/channel".
std::string with_token(const std::string& url, const std::string& token) {
    const std::size_t path = std::min(url.find('/', url.find("://") + 3), url.size());
    const std::string_view rest = std::string_view(url).substr(path);
    return token.empty() || rest.starts_with("/t/")
               ? url
               : fmt::format("{}/t/{}{}", url.substr(0, path), token, rest);
}

/// "https://me:pw@host/x": a lock is kept and shared, so its URLs are no place for a password.
Result<void> refuse_login(const std::string& url, const std::string& name) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || !parsed->has_userinfo()) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("the URL of {} holds a user or a password", name),
        .hint = k_credentials_hint});
}

std::string basic_of(const conda::ChannelSecret& secret) {
    return "Basic " + render_base64(as_bytes(secret.user + ":" + secret.password));
}

bool may_come_again(int status) {
    return status == 408 || status == 429 || status >= 500;
}

Error answer_error(const DownloadOrder& order, const std::string& source, int status) {
    const bool refused = status == 401 || status == 403;
    return Error{
        .code = refused ? Code::permission : Code::upstream,
        .message = fmt::format(
            "{} can't be had: {} answers {}", order.name, conda::without_credentials(source), status
        ),
        .hint = refused ? k_credentials_hint : ""};
}

Validator validator_of(const Response& response) {
    return Validator{
        std::string(response.header("etag")), std::string(response.header("last-modified"))};
}

std::optional<std::uint64_t> content_length(const Response& head) {
    const std::string_view text = head.header("content-length");
    std::uint64_t size = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
    return parsed.ec == std::errc{} && !text.empty() ? std::optional(size) : std::nullopt;
}

}  // namespace

/// One file on its way from one place into a blob.
struct Downloader::Transfer {
    const DownloadOrder& order;
    const std::string& source;  // without credentials
    const store::Lease& lease;
    Url url;
    Url origin;  // where the credentials belong
    std::shared_ptr<store::BlobWriter> blob = {};
    std::uint64_t received = 0;  // with what was left by others
    std::uint64_t left = 0;      // by others: whatever the server may have now
    std::optional<std::uint64_t> total = std::nullopt;
    Validator validator = {};

    /// As if nothing had come: what has, is of another file.
    void begin_anew() {
        blob.reset();
        received = 0;
        left = 0;
        total.reset();
        validator = {};
    }
};

Downloader::Downloader(Services& services, std::shared_ptr<Job> job)
    : services_(services),
      job_(std::move(job)),
      settings_(services.conda),
      transport_(services.loop, services.pool),
      registries_(services.loop, services.pool, client_options(services)) {}

void Downloader::add_secret(std::string base_url, conda::ChannelSecret secret) {
    settings_.secrets.insert_or_assign(std::move(base_url), std::move(secret));
}

Awaitable<Result<Downloaded>> Downloader::fetch(DownloadOrder order, const store::Lease& lease) {
    Result<Downloaded> result = Downloaded{};
    for (std::string& source : conda::mirror_urls(order.url, settings_.channels)) {
        if (source.starts_with("oci://")) {
            result = co_await fetch_oci(order, std::move(source), lease);
        } else {
            result = co_await fetch_from(order, std::move(source), lease);
        }
        const bool found = result && result->outcome != Downloaded::Outcome::absent;
        if (found || job_->stop_token().stop_requested()) {
            break;
        }
    }
    co_return result;
}

Awaitable<Result<Downloaded>> Downloader::fetch_from(
    const DownloadOrder& order, std::string source, const store::Lease& lease
) {
    if (auto allowed = refuse_login(source, order.name); !allowed) {
        co_return fail(std::move(allowed).error());
    }
    const conda::ChannelSecret* secret = settings_.secret_for(source);
    const auto url = Url::parse(with_token(source, secret == nullptr ? "" : secret->token));
    if (!url) {
        co_return fail(url.error());
    }
    if (!url->tls && !registry::is_loopback(url->host)) {
        co_return fail(Error{
            .code = Code::permission,
            .message = fmt::format("{} would be fetched over plain http", order.name),
            .hint = "use https; http is for channels on loopback"});
    }
    co_return co_await transfer(order, source, *url, lease);
}

/// Where what was left by others proves to be of another file, once more without it.
Awaitable<Result<Downloaded>> Downloader::transfer(
    const DownloadOrder& order, const std::string& source, const Url& url, const store::Lease& lease
) {
    while (true) {
        const auto transfer = std::make_shared<Transfer>(Transfer{order, source, lease, url, url});
        auto take_up = [this, transfer] { return begin_blob(*transfer); };
        if (order.part) {
            const auto begun = co_await run_on(services_.pool, std::move(take_up));
            if (!begun) {
                co_return fail(begun.error());
            }
            transfer->left = *begun;
            transfer->received = *begun;
        }
        auto response =
            co_await stoppable(services_.loop, job_->stop_token(), ask_until_answered(transfer));
        if (!response) {
            co_return fail(std::move(response).error().with_trail("while fetching " + order.name));
        }
        auto got = co_await finish(transfer, *response);
        const bool is_mixed =
            !got && got.error().code == Code::digest_mismatch && transfer->left > 0;
        if (!is_mixed) {
            co_return got;
        }
    }
}

/// How much of it is left from before.
Result<std::uint64_t> Downloader::begin_blob(Transfer& transfer) {
    if (!transfer.order.part) {
        TRY_ASSIGN(transfer.blob, services_.store.blobs().begin(transfer.lease));
        return 0;
    }
    store::Partials& partials = services_.store.partials();
    TRY_ASSIGN(auto resumed, partials.resume(*transfer.order.part, transfer.lease));
    transfer.blob = std::move(resumed.writer);
    return resumed.had_bytes;
}

Awaitable<Result<Downloaded>> Downloader::fetch_oci(
    const DownloadOrder& order, std::string source, const store::Lease& lease
) {
    OciDownload download{services_, job_, registries_, order, source, std::nullopt, lease};
    if (const conda::ChannelSecret* secret = settings_.secret_for(source); secret != nullptr) {
        const std::string& password = secret->token.empty() ? secret->password : secret->token;
        download.credentials = registry::Credentials{secret->user, password};
    }
    auto got = co_await stoppable(
        services_.loop, job_->stop_token(), fetch_from_registry(std::move(download))
    );
    if (!got) {
        Error error = std::move(got).error().with_trail("while fetching " + order.name);
        error.hint = error.code == Code::permission ? k_credentials_hint : error.hint;
        co_return fail(std::move(error));
    }
    co_return got;
}

Awaitable<Result<Response>> Downloader::ask_until_answered(std::shared_ptr<Transfer> transfer) {
    const std::string server = transfer->origin.authority();
    const int attempts = given_up_.contains(server) ? 1 : retry_.attempts;
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t before = transfer->received;
        auto response = co_await ask(transfer);
        if (response && response->status == k_range_not_satisfiable && before > 0) {
            transfer->begin_anew();
            continue;
        }
        const bool again =
            response ? may_come_again(response->status) : Transport::is_transient(response.error());
        if (!again) {
            given_up_.erase(server);
            co_return response;
        }
        if (attempt >= attempts) {
            given_up_.insert(server);
            co_return response;
        }
        // What moves forward is not given up for breaking off often.
        attempt = transfer->received > before ? 0 : attempt;
        co_await registry::wait_before_retry(retry_, std::max(attempt, 1));
    }
}

Awaitable<Result<Downloaded>> Downloader::finish(
    std::shared_ptr<Transfer> transfer, const Response& response
) {
    const DownloadOrder& order = transfer->order;
    if (response.status == 304 && order.known != Validator()) {
        co_return Downloaded{.outcome = Downloaded::Outcome::unchanged};
    }
    if (response.status == 404 || response.status == 410) {
        co_return Downloaded{};
    }
    if (response.status < 200 || response.status >= 300) {
        co_return fail(answer_error(order, transfer->source, response.status));
    }
    if (transfer->received == 0) {
        co_return fail(Code::upstream, "{} is empty", order.name);
    }
    auto commit = [transfer] { return transfer->blob->commit(transfer->order.expected); };
    const auto committed = co_await run_on(services_.pool, std::move(commit));
    if (!committed) {
        co_return fail(committed.error());
    }
    co_return Downloaded{
        .outcome = Downloaded::Outcome::fetched,
        .blob = committed->digest,
        .validator = transfer->validator};
}

Request Downloader::request_for(const std::shared_ptr<Transfer>& transfer) {
    Request request;
    request.url = transfer->url;
    const conda::ChannelSecret* secret = settings_.secret_for(transfer->source);
    const bool at_home = transfer->url.same_origin(transfer->origin);
    if (secret != nullptr && !secret->user.empty() && at_home) {
        request.headers.emplace_back("Authorization", basic_of(*secret));
    }
    const Validator& known = transfer->order.known;
    if (transfer->received > 0) {
        // Without a strong validator the rest might be another file's: what others left is of an
        // order that will hold the whole against its hash.
        const Validator& had = transfer->validator;
        const bool is_strong = !had.etag.empty() && !had.etag.starts_with("W/");
        const std::string& condition = is_strong ? had.etag : had.last_modified;
        if (!condition.empty() || transfer->left > 0) {
            request.headers.emplace_back("Range", fmt::format("bytes={}-", transfer->received));
        }
        if (!condition.empty()) {
            request.headers.emplace_back("If-Range", condition);
        }
    } else if (!known.etag.empty()) {
        request.headers.emplace_back("If-None-Match", known.etag);
    } else if (!known.last_modified.empty()) {
        request.headers.emplace_back("If-Modified-Since", known.last_modified);
    }
    request.begin = [transfer](const Response& head) -> Result<void> {
        const std::string start = fmt::format("bytes {}-", transfer->received);
        const bool goes_on = head.status == 206 && head.header("content-range").starts_with(start);
        if (head.status == 206 && !goes_on) {
            return fail(
                Code::upstream, "{} sends another part than asked for", transfer->url.authority()
            );
        }
        if (!goes_on) {
            transfer->begin_anew();
        }
        if (transfer->validator == Validator()) {
            transfer->validator = validator_of(head);
        }
        if (const auto length = content_length(head); length && !transfer->total) {
            transfer->total = transfer->received + *length;
        }
        return {};
    };
    request.sink = [this, transfer](ByteSpan bytes) {
        return take(transfer, Bytes(bytes.begin(), bytes.end()));
    };
    return request;
}

/// Follows redirects; credentials stay with their origin.
Awaitable<Result<Response>> Downloader::ask(std::shared_ptr<Transfer> transfer) {
    transfer->url = transfer->origin;
    for (int redirects = 0; redirects <= k_redirects; ++redirects) {
        auto response = co_await transport_.send(request_for(transfer));
        const bool redirected = response && response->status != 304 && response->status >= 300
                                && response->status < 400;
        if (!redirected) {
            co_return response;
        }
        const auto next = transfer->url.resolve(response->header("location"));
        if (!next) {
            co_return fail(next.error());
        }
        const auto allowed = registry::check_referral(transfer->url, *next);
        if (!allowed) {
            co_return fail(allowed.error());
        }
        transfer->url = *next;
    }
    co_return fail(Code::upstream, "{} is redirected without end", transfer->order.name);
}

Awaitable<Result<void>> Downloader::take(std::shared_ptr<Transfer> transfer, Bytes bytes) {
    transfer->received += bytes.size();
    const DownloadOrder& order = transfer->order;
    if (transfer->received > order.limit_bytes) {
        co_return fail(
            Code::too_large, "{} is larger than {}", order.name, render_size(order.limit_bytes)
        );
    }
    job_->emit(ProgressEvent{
        .step = std::nullopt,
        .what = "fetch",
        .name = order.name,
        .current = transfer->received,
        .total = transfer->total});
    auto write = [this, transfer, owned = std::move(bytes)]() -> Result<void> {
        if (!transfer->blob) {
            if (transfer->order.part) {  // what is left of it is of another file
                TRY(services_.store.partials().discard(*transfer->order.part));
            }
            TRY(begin_blob(*transfer));
        }
        return transfer->blob->write(owned);
    };
    co_return co_await run_on(services_.pool, std::move(write));
}

}  // namespace kiln::daemon
