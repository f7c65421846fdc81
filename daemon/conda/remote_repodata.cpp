#include "daemon/conda/remote_repodata.hpp"

#include "daemon/build/cache_key.hpp"
#include "daemon/conda/repodata_files.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"

#include <algorithm>
#include <array>

namespace kiln::daemon {
namespace {

using registry::Awaitable;

/// The forms that a server may have, the cheapest first.
constexpr std::array k_names = {
    k_shards_name, std::string_view("repodata.json.zst"), std::string_view("repodata.json")};
constexpr std::size_t k_shards_at_once = 16;

/// What the last look at a subdir found.
struct Remembered {
    RemoteRepodata repodata;
    Validator validator;
};

Digest key_of_subdir(const std::string& subdir_url) {
    CacheKey key("repodata/1");
    key.add("url", subdir_url);
    return key.digest();
}

Digest key_of_shard(const Digest& shard) {
    CacheKey key("repodata-shard/1");
    key.add("shard", shard.render());
    return key.digest();
}

Result<std::optional<Remembered>> recall(
    store::Store& store, const store::Lease& lease, const std::string& subdir_url
) {
    const Digest key = key_of_subdir(subdir_url);
    lease.keep(key);
    TRY_ASSIGN(const auto record, store.index().find_cache(key));
    if (!record || record->blobs.size() != 1) {
        return std::optional<Remembered>();
    }
    TRY_ASSIGN(const json::Value value, json::parse(record->payload, "what a channel said"));
    json::ObjectReader in(value, "what a channel said");
    Remembered remembered;
    remembered.repodata = {in.text("name"), record->blobs.front()};
    remembered.validator = {in.text("etag"), in.text("last_modified")};
    TRY(in.finish(json::UnknownFields::refuse));
    store.used(key);
    return std::optional(std::move(remembered));
}

Result<void> remember(
    store::Store& store, const std::string& subdir_url, const Remembered& remembered
) {
    const json::Object payload{
        {"name", remembered.repodata.name},
        {"etag", remembered.validator.etag},
        {"last_modified", remembered.validator.last_modified}};
    const store::CacheRecord record{
        .key = key_of_subdir(subdir_url),
        .payload = json::render(payload),
        .blobs = {remembered.repodata.blob}};
    return store.record(store::Batch{.cache = {record}});
}

}  // namespace

bool RemoteRepodata::is_sharded() const {
    return name == k_shards_name;
}

Awaitable<Result<std::optional<RemoteRepodata>>> fetch_repodata(
    Services& services,
    Downloader& downloader,
    const store::Lease& lease,
    std::string subdir_url,
    std::string shown_as
) {
    auto look = [&] { return recall(services.store, lease, subdir_url); };
    const auto known = co_await run_on(services.pool, std::move(look));
    if (!known) {
        co_return fail(known.error());
    }
    std::vector<std::string> names(k_names.begin(), k_names.end());
    if (*known) {
        // The form that was there last time is asked for first.
        const auto last = std::find(names.begin(), names.end(), (*known)->repodata.name);
        std::rotate(names.begin(), last, last == names.end() ? last : last + 1);
    }
    for (const std::string& name : names) {
        DownloadOrder order;
        order.url = fmt::format("{}/{}", subdir_url, name);
        order.name = fmt::format("{}/{}", shown_as, name);
        order.limit_bytes = conda::k_repodata_bytes;
        if (*known && name == (*known)->repodata.name) {
            order.known = (*known)->validator;
        }
        const auto got = co_await downloader.fetch(std::move(order), lease);
        if (!got) {
            co_return fail(got.error());
        }
        if (got->outcome == Downloaded::Outcome::unchanged) {
            co_return std::optional((*known)->repodata);
        }
        if (got->outcome == Downloaded::Outcome::absent) {
            continue;
        }
        const Remembered news{.repodata = {name, got->blob}, .validator = got->validator};
        auto keep = [&] { return remember(services.store, subdir_url, news); };
        const auto kept = co_await run_on(services.pool, std::move(keep));
        if (!kept) {
            co_return fail(kept.error());
        }
        co_return std::optional(news.repodata);
    }
    co_return std::optional<RemoteRepodata>();
}

namespace {

/// A shard that somebody wants, and where from.
struct WantedShard {
    const RemoteShards* subdir = nullptr;
    std::string name;
    Digest digest;
};

std::vector<WantedShard> wanted_of(
    const std::vector<RemoteShards>& subdirs, const std::vector<std::string>& names
) {
    std::vector<WantedShard> wanted;
    for (const RemoteShards& subdir : subdirs) {
        for (const std::string& name : names) {
            if (const auto digest = subdir.subdir->missing(name)) {
                wanted.push_back({&subdir, name, *digest});
            }
        }
    }
    return wanted;
}

Result<std::vector<WantedShard>> not_in_store(
    store::Store& store, const store::Lease& lease, const std::vector<WantedShard>& wanted
) {
    std::vector<WantedShard> lacking;
    for (const WantedShard& each : wanted) {
        lease.keep(each.digest);
        TRY_ASSIGN(const auto size, store.blobs().size_of(each.digest));
        if (size) {
            store.used(key_of_shard(each.digest));
        } else {
            lacking.push_back(each);
        }
    }
    return lacking;
}

Result<void> keep_shards(store::Store& store, const std::vector<WantedShard>& fetched) {
    store::Batch batch;
    for (const WantedShard& each : fetched) {
        batch.cache.push_back({.key = key_of_shard(each.digest), .blobs = {each.digest}});
    }
    return fetched.empty() ? Result<void>() : store.record(batch);
}

Result<void> add_shards(store::Store& store, const std::vector<WantedShard>& wanted) {
    for (const WantedShard& each : wanted) {
        TRY_ASSIGN(
            const Bytes bytes, store::read_blob(store.blobs(), each.digest, conda::k_shard_bytes)
        );
        auto added = each.subdir->subdir->add(each.name, bytes);
        if (!added) {
            Error error = std::move(added).error();
            return fail(channel_failed(
                std::move(error).with_trail("while reading " + each.subdir->shown_as),
                each.subdir->named
            ));
        }
    }
    return {};
}

}  // namespace

Awaitable<Result<void>> fetch_shards(
    Services& services,
    Downloader& downloader,
    const store::Lease& lease,
    const std::vector<RemoteShards>& subdirs,
    const std::vector<std::string>& names
) {
    const std::vector<WantedShard> wanted = wanted_of(subdirs, names);
    auto look = [&] { return not_in_store(services.store, lease, wanted); };
    const auto lacking = co_await run_on(services.pool, std::move(look));
    if (!lacking) {
        co_return fail(lacking.error());
    }
    auto fetch_one = [&](std::size_t index) -> Awaitable<Result<void>> {
        const WantedShard& shard = lacking->at(index);
        DownloadOrder order;
        order.url = shard.subdir->subdir->index().shard_url(shard.digest, shard.subdir->index_url);
        order.name = fmt::format("{}: {}", shard.subdir->shown_as, shard.name);
        order.limit_bytes = conda::k_shard_bytes;
        order.expected = shard.digest;
        const auto got = co_await downloader.fetch(std::move(order), lease);
        if (!got) {
            const Error of_shard =
                Error(got.error())
                    .with_trail(fmt::format(
                        "while fetching {}: the shard of {}", shard.subdir->shown_as, shard.name
                    ));
            co_return fail(channel_failed(of_shard, shard.subdir->named));
        }
        if (got->outcome == Downloaded::Outcome::absent) {
            Error gone{
                .code = Code::upstream,
                .message =
                    fmt::format("{}: the shard of {} is gone", shard.subdir->shown_as, shard.name)};
            co_return fail(channel_failed(std::move(gone), shard.subdir->named));
        }
        co_return Result<void>();
    };
    const auto fetched =
        co_await fan_out(services.loop, lacking->size(), k_shards_at_once, fetch_one);
    if (!fetched) {
        co_return fetched;
    }
    auto take_in = [&]() -> Result<void> {
        TRY(keep_shards(services.store, *lacking));
        return add_shards(services.store, wanted);
    };
    co_return co_await run_on(services.pool, std::move(take_in));
}

}  // namespace kiln::daemon
