#include "daemon/build/fetch.hpp"

#include "daemon/registry/transport.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

using conda::LockEntry;
using registry::Transport;
using registry::Url;

constexpr int k_redirects = 5;
/// The largest packages of public channels are below 4 GiB.
constexpr std::uint64_t k_package_bytes = 16ULL << 30U;

/// One download on its way into a blob.
struct Download {
    std::shared_ptr<store::BlobWriter> blob;
    std::uint64_t received = 0;
};

CacheKey key_of(const LockEntry& entry) {
    CacheKey key("fetch/1");
    key.add("url", conda::without_credentials(entry.location));
    key.add("sha256", entry.sha256.value_or(""));
    key.add("md5", entry.md5.value_or(""));
    return key;
}

Result<std::optional<Digest>> recall(
    store::Store& store, const store::Lease& lease, const LockEntry& entry
) {
    const Digest key = key_of(entry).digest();
    lease.keep(key);
    TRY_ASSIGN(const auto record, store.index().find_cache(key));
    if (!record || record->blobs.empty()) {
        return std::optional<Digest>();
    }
    store.used(key);
    return std::optional(record->blobs.front());
}

Result<Digest> keep(store::Store& store, const LockEntry& entry, store::BlobWriter& blob) {
    std::optional<Digest> expected;
    if (entry.sha256) {
        TRY_ASSIGN(expected, Digest::parse_hex(*entry.sha256));
    }
    auto committed = blob.commit(expected);
    if (!committed) {
        return fail(std::move(committed).error().with_where(entry.span));
    }
    TRY(store.record(store::Batch{
        .cache = {store::CacheRecord{.key = key_of(entry).digest(), .blobs = {committed->digest}}}})
    );
    return committed->digest;
}

Result<Url> package_url(const LockEntry& entry) {
    auto url = Url::parse(entry.location);
    if (!url) {
        return fail(std::move(url).error().with_where(entry.span));
    }
    if (!url->tls && !registry::is_loopback(url->host)) {
        return fail(Error{
            .code = Code::permission,
            .message = fmt::format("{} would be fetched over plain http", entry.file_name),
            .where = entry.span,
            .hint = "use https; http is for channels on loopback"});
    }
    return url;
}

Error answer_error(const LockEntry& entry, int status) {
    return Error{
        .code = status == 404                    ? Code::not_found
                : status == 401 || status == 403 ? Code::permission
                                                 : Code::upstream,
        .message = fmt::format(
            "{} can't be had: the server answers {}",
            conda::without_credentials(entry.location),
            status
        ),
        .where = entry.span};
}

class Fetcher {
  public:
    Fetcher(Services& services, std::shared_ptr<Job> job)
        : services_(services),
          job_(std::move(job)),
          transport_(services.loop, services.pool) {}

    boost::asio::awaitable<Result<Digest>> fetch(
        const LockEntry& entry, const store::Lease& lease
    ) {
        auto look = [&] { return recall(services_.store, lease, entry); };
        const auto known = co_await run_on(services_.pool, std::move(look));
        if (!known) {
            co_return fail(known.error());
        }
        if (*known) {
            co_return **known;
        }
        auto begin = [&] { return services_.store.blobs().begin(lease); };
        auto blob = co_await run_on(services_.pool, std::move(begin));
        if (!blob) {
            co_return fail(blob.error());
        }
        const auto download = std::make_shared<Download>();
        download->blob = std::move(*blob);
        const auto received = co_await receive(entry, download);
        if (!received) {
            co_return fail(received.error());
        }
        auto commit = [&] { return keep(services_.store, entry, *download->blob); };
        co_return co_await run_on(services_.pool, std::move(commit));
    }

  private:
    boost::asio::awaitable<Result<void>> receive(
        const LockEntry& entry, std::shared_ptr<Download> download
    ) {
        auto url = package_url(entry);
        if (!url) {
            co_return fail(url.error());
        }
        for (int redirects = 0; redirects <= k_redirects; ++redirects) {
            registry::Request request;
            request.url = *url;
            request.sink = [this, &entry, download](ByteSpan bytes) {
                return take(entry, download, Bytes(bytes.begin(), bytes.end()));
            };
            const auto response = co_await transport_.send(std::move(request));
            if (!response) {
                co_return fail(response.error());
            }
            if (response->status == 200) {
                co_return Result<void>();
            }
            if (response->status < 300 || response->status >= 400) {
                co_return fail(answer_error(entry, response->status));
            }
            const auto next = url->resolve(response->header("location"));
            if (!next) {
                co_return fail(next.error());
            }
            const auto allowed = registry::check_referral(*url, *next);
            if (!allowed) {
                co_return allowed;
            }
            url = *next;
        }
        co_return fail(Code::upstream, "{} is redirected without end", entry.file_name);
    }

    boost::asio::awaitable<Result<void>> take(
        const LockEntry& entry, std::shared_ptr<Download> download, Bytes bytes
    ) {
        download->received += bytes.size();
        if (job_->stop_token().stop_requested()) {
            co_return fail(Code::cancelled, "cancelled");
        }
        if (download->received > k_package_bytes) {
            co_return fail(
                Code::too_large,
                "{} is larger than {}",
                entry.file_name,
                render_size(k_package_bytes)
            );
        }
        job_->emit(ProgressEvent{
            .step = std::nullopt,
            .what = "fetch",
            .name = entry.file_name,
            .current = download->received});
        auto write = [download, owned = std::move(bytes)] { return download->blob->write(owned); };
        co_return co_await run_on(services_.pool, std::move(write));
    }

    Services& services_;
    std::shared_ptr<Job> job_;
    Transport transport_;
};

}  // namespace

FetchPackage fetcher(Services& services, std::shared_ptr<Job> job) {
    auto shared = std::make_shared<Fetcher>(services, std::move(job));
    return [shared](const LockEntry& entry, const store::Lease& lease) {
        return shared->fetch(entry, lease);
    };
}

}  // namespace kiln::daemon
