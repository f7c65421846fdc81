#include "daemon/build/fetch.hpp"

#include "daemon/conda/download.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"

namespace kiln::daemon {
namespace {

using conda::LockEntry;

/// The largest packages of public channels are below 4 GiB.
constexpr std::uint64_t k_package_bytes = 16ULL << 30U;

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

class PackageFetcher {
  public:
    PackageFetcher(Services& services, std::shared_ptr<Job> job)
        : services_(services),
          job_(job),
          downloader_(services, std::move(job)) {}

    boost::asio::awaitable<Result<Digest>> fetch(
        const LockEntry& entry, const store::Lease& lease
    ) {
        std::optional<SingleFlight::Turn> turn;  // of several builds that want it, one fetches it
        while (!turn) {
            auto look = [&] { return find_kept_package(services_.store, lease, entry); };
            const auto known = co_await run_on(services_.pool, std::move(look));
            if (!known) {
                co_return fail(known.error());
            }
            if (*known) {
                co_return **known;
            }
            auto entered = co_await stoppable(
                services_.loop, job_->stop_token(), enter(key_of(entry).digest())
            );
            if (!entered) {
                co_return fail(std::move(entered).error());
            }
            turn = std::move(*entered);
        }
        auto order = order_for(entry);
        if (!order) {
            co_return fail(std::move(order).error());
        }
        auto got = co_await downloader_.fetch(std::move(*order), lease);
        if (!got) {
            Error error = std::move(got).error().with_where(entry.span);
            if (error.code == Code::digest_mismatch) {
                error = std::move(error).with_trail("while fetching " + entry.file_name);
                error.hint =
                    "the package is not the one that was locked; lock again, or see "
                    "whether its server or a mirror has another";
            } else if (registry::Transport::is_transient(error) && error.hint.empty()) {
                error.hint =
                    "the same command goes on from where it ended; mirrors stand in kilnd.toml, "
                    "[conda.mirrors]";
            }
            co_return fail(std::move(error));
        }
        if (got->outcome != Downloaded::Outcome::fetched) {
            co_return fail(Error{
                .code = Code::not_found,
                .message = fmt::format(
                    "{} is not there any more", conda::without_credentials(entry.location)
                ),
                .where = entry.span,
                .hint = "lock again: the channel may have replaced it"});
        }
        auto keep = [&] {
            return services_.store.record(store::Batch{.cache = {kept_package(entry, got->blob)}});
        };
        const auto kept = co_await run_on(services_.pool, std::move(keep));
        if (!kept) {
            co_return fail(kept.error());
        }
        co_return got->blob;
    }

  private:
    boost::asio::awaitable<Result<std::optional<SingleFlight::Turn>>> enter(Digest key) {
        co_return co_await services_.flights.enter(key);
    }

    /// The URL's own credentials, where a lock still has some, come along.
    Result<DownloadOrder> order_for(const LockEntry& entry) {
        DownloadOrder order;
        order.url = entry.location;
        order.name = entry.file_name;
        order.limit_bytes = k_package_bytes;
        if (entry.sha256) {
            TRY_ASSIGN(order.expected, Digest::parse_hex(*entry.sha256));
        }
        if (entry.sha256 || entry.md5) {
            order.part = key_of(entry).digest();
        }
        return order;
    }

    Services& services_;
    std::shared_ptr<Job> job_;
    Downloader downloader_;
};

}  // namespace

store::CacheRecord kept_package(const LockEntry& entry, const Digest& package) {
    return store::CacheRecord{.key = key_of(entry).digest(), .blobs = {package}};
}

store::CacheRecord forgotten_package(const LockEntry& entry) {
    return store::CacheRecord{.key = key_of(entry).digest()};
}

Result<std::optional<Digest>> find_kept_package(
    store::Store& store, const store::Lease& lease, const LockEntry& entry
) {
    std::optional<Digest> package;
    if (entry.sha256) {
        TRY_ASSIGN(package, Digest::parse_hex(*entry.sha256));
    } else {
        TRY_ASSIGN(package, recall(store, lease, entry));
    }
    if (!package) {
        return package;
    }
    lease.keep(*package);
    TRY_ASSIGN(const auto size, store.blobs().size_of(*package));
    return size ? package : std::nullopt;
}

FetchPackage fetcher(Services& services, std::shared_ptr<Job> job) {
    auto shared = std::make_shared<PackageFetcher>(services, std::move(job));
    return [shared](const LockEntry& entry, const store::Lease& lease) {
        return shared->fetch(entry, lease);
    };
}

}  // namespace kiln::daemon
