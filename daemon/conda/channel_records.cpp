#include "daemon/conda/channel_records.hpp"

#include "daemon/conda/remote_repodata.hpp"
#include "daemon/conda/repodata_store.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <set>

namespace kiln::daemon {
namespace {

using conda::Channel;
using registry::Awaitable;

constexpr std::size_t k_subdirs_at_once = 8;

/// One subdir of a channel, and what came of it.
struct Place {
    const NamedChannel* named = nullptr;
    std::string subdir;
    std::shared_ptr<const conda::SubdirRecords> records = {};  // null: the channel has none
    std::optional<RemoteShards> shards = std::nullopt;         // where the records are sharded

    [[nodiscard]] const Channel& channel() const { return named->channel; }

    [[nodiscard]] std::string shown_as() const { return channel().name() + "/" + subdir; }
};

class Loading {
  public:
    Loading(
        Services& services,
        std::shared_ptr<Job> job,
        Downloader& downloader,
        const store::Lease& lease,
        const ChannelRecordsOrder& order
    )
        : services_(services),
          job_(std::move(job)),
          downloader_(downloader),
          lease_(lease),
          order_(order) {
        for (const NamedChannel& named : order.channels) {
            named_.push_back(named.channel);
            add(named);
        }
    }

    Awaitable<Result<std::shared_ptr<conda::ChannelSource>>> run() {
        for (std::size_t first = 0; first < places_.size();) {
            const std::size_t count = places_.size() - first;
            auto load_one = [this, first](std::size_t index) {
                return load(places_[first + index]);
            };
            const auto loaded =
                co_await fan_out(services_.loop, count, k_subdirs_at_once, load_one);
            if (!loaded) {
                co_return fail(loaded.error());
            }
            const auto complete = check_channels();
            if (!complete) {
                co_return fail(complete.error());
            }
            const auto followed = follow_relations(first);
            if (!followed) {
                co_return fail(followed.error());
            }
            first += count;
        }
        const auto sorted = sort_places();
        if (!sorted) {
            co_return fail(sorted.error());
        }
        const auto reached = co_await fetch_reachable();
        if (!reached) {
            co_return fail(reached.error());
        }
        const auto source = std::make_shared<conda::ChannelSource>();
        for (const Place& place : places_) {
            if (place.records) {
                source->add(place.channel(), place.subdir, place.records);
            }
        }
        co_return source;
    }

  private:
    void add(const NamedChannel& named) {
        const NamedChannel& kept = channels_.emplace_back(named);
        for (std::string& subdir : subdirs_of(kept.channel, order_.platform)) {
            places_.push_back({.named = &kept, .subdir = std::move(subdir)});
        }
    }

    [[nodiscard]] const NamedChannel* find(const Channel& channel) const {
        const auto found = std::find_if(channels_.begin(), channels_.end(), [&](const auto& each) {
            return each.channel.base_url() == channel.base_url();
        });
        return found == channels_.end() ? nullptr : &*found;
    }

    /// Takes what the places since `first` say of other channels, and adds those that are new.
    Result<void> follow_relations(std::size_t first) {
        const CondaSettings& settings = services_.conda;
        if (settings.channel_relations_max_depth == 0) {
            return {};
        }
        for (std::size_t i = first; i < places_.size(); ++i) {
            if (!places_[i].records) {
                continue;
            }
            auto said = conda::read_channel_relations(
                places_[i].records->info().channel_relations,
                places_[i].channel(),
                settings.channels
            );
            if (!said) {
                return fail(channel_failed(std::move(said).error(), *places_[i].named));
            }
            std::move(said->begin(), said->end(), std::back_inserter(relations_));
        }
        auto related =
            conda::related_channels(named_, relations_, settings.channel_relations_max_depth);
        if (!related) {
            return fail(at_a_declaring_one(std::move(related).error()));
        }
        for (conda::ChannelRelation& relation : *related) {
            if (find(relation.related) == nullptr) {
                TRY(add_related(std::move(relation)));
            }
        }
        return {};
    }

    Result<void> add_related(conda::ChannelRelation relation) {
        const NamedChannel added{
            relation.related, find(relation.declaring)->where, std::move(relation)};
        if (added.channel.scheme() == "file") {
            return fail(directory_not_named(added));
        }
        job_->emit(WarningEvent{
            .message = fmt::format(
                "{}, which is asked {}",
                added.through->describe(),
                added.through->kind == conda::RelationKind::base ? "first" : "after it"
            ),
            .where = {}});
        add(added);
        return {};
    }

    /// A failure of several channels stands where the first is named that leads to others.
    [[nodiscard]] Error at_a_declaring_one(Error error) const {
        for (const conda::ChannelRelation& each : relations_) {
            const NamedChannel& declaring = *find(each.declaring);
            if (!error.where && !declaring.where.file.empty()) {
                error.where = declaring.where;
            }
        }
        return error;
    }

    Result<void> sort_places() {
        auto urls = conda::order_channels(named_, relations_);
        if (!urls) {
            return fail(at_a_declaring_one(std::move(urls).error()));
        }
        const auto rank = [&](const Place& place) {
            return std::find(urls->begin(), urls->end(), place.channel().base_url());
        };
        std::stable_sort(places_.begin(), places_.end(), [&](const Place& a, const Place& b) {
            return rank(a) < rank(b);
        });
        return {};
    }

    Awaitable<Result<void>> load(Place& place) {
        auto loaded = place.channel().scheme() == "file" ? load_file(place) : load_remote(place);
        auto result = co_await std::move(loaded);
        if (!result) {
            co_return fail(channel_failed(std::move(result).error(), *place.named));
        }
        co_return result;
    }

    Awaitable<Result<void>> load_file(Place& place) {
        const auto told = order_.files.find(place.channel().subdir_url(place.subdir));
        if (told == order_.files.end() || !told->second) {
            co_return Result<void>();
        }
        const RepodataFile& file = *told->second;
        if (file.name == k_shards_name) {
            co_return co_await open_shards(place, file.digest, file.name);
        }
        co_return co_await open(place, file.digest, file.name);
    }

    /// The index of shards, in the store; they come once a name leads to them.
    Awaitable<Result<void>> open_shards(Place& place, Digest blob, std::string name) {
        const std::string what = place.shown_as() + "/" + name;
        auto read = [this, blob, what]() -> Result<conda::ShardIndex> {
            TRY_ASSIGN(
                const Bytes bytes,
                store::read_blob(services_.store.blobs(), blob, conda::k_shard_index_bytes)
            );
            return conda::ShardIndex::read(bytes, what);
        };
        auto index = co_await run_on(services_.pool, std::move(read));
        if (!index) {
            co_return fail(std::move(index).error());
        }
        const auto subdir = std::make_shared<conda::ShardedSubdir>(std::move(*index));
        place.records = subdir;
        const std::string url = place.channel().subdir_url(place.subdir) + "/" + name;
        place.shards = RemoteShards{subdir, url, place.shown_as(), *place.named};
        co_return Result<void>();
    }

    Awaitable<Result<void>> load_remote(Place& place) {
        const std::string url = place.channel().subdir_url(place.subdir);
        const auto found =
            co_await fetch_repodata(services_, downloader_, lease_, url, place.shown_as());
        if (!found) {
            co_return fail(found.error());
        }
        if (!*found) {
            co_return Result<void>();
        }
        if (!(*found)->is_sharded()) {
            co_return co_await open(place, (*found)->blob, (*found)->name);
        }
        co_return co_await open_shards(place, (*found)->blob, (*found)->name);
    }

    Awaitable<Result<void>> open(Place& place, Digest repodata, std::string name) {
        const std::string what = place.shown_as() + "/" + name;
        auto read = [this, repodata, what] {
            return open_repodata(services_.store, lease_, repodata, what, job_->stop_token());
        };
        auto records = co_await run_on(services_.pool, std::move(read));
        if (!records) {
            co_return fail(std::move(records).error());
        }
        place.records = std::move(*records);
        co_return Result<void>();
    }

    /// A channel may lack one subdir, not all.
    [[nodiscard]] Result<void> check_channels() const {
        std::set<std::string> there;
        for (const Place& place : places_) {
            if (place.records) {
                there.insert(place.channel().base_url());
            }
        }
        for (const Place& place : places_) {
            if (!there.contains(place.channel().base_url())) {
                return fail(channel_is_empty(*place.named, order_.platform));
            }
        }
        return {};
    }

    /// Shards of the names asked for, then of what their records depend on, until nothing is new.
    Awaitable<Result<void>> fetch_reachable() {
        std::vector<RemoteShards> sharded;
        for (const Place& place : places_) {
            if (place.shards) {
                sharded.push_back(*place.shards);
            }
        }
        std::set<std::string> seen(order_.names.begin(), order_.names.end());
        std::vector<std::string> next(seen.begin(), seen.end());
        while (!next.empty() && !sharded.empty()) {
            if (job_->stop_token().stop_requested()) {
                co_return fail(Code::cancelled, "cancelled");
            }
            const auto fetched =
                co_await fetch_shards(services_, downloader_, lease_, sharded, next);
            if (!fetched) {
                co_return fetched;
            }
            auto look = [this, &seen, &next] { return dependencies_of(next, seen); };
            auto found = co_await run_on(services_.pool, std::move(look));
            if (!found) {
                co_return fail(std::move(found).error());
            }
            next = std::move(*found);
        }
        co_return Result<void>();
    }

    Result<std::vector<std::string>> dependencies_of(
        const std::vector<std::string>& names, std::set<std::string>& seen
    ) const {
        std::vector<std::string> found;
        for (const Place& place : places_) {
            for (const std::string& name : names) {
                if (!place.records) {
                    continue;
                }
                TRY_ASSIGN(const conda::Repodata::Found of_name, place.records->records(name));
                for (std::string& each : conda::named_dependencies(of_name.records)) {
                    if (seen.insert(each).second) {
                        found.push_back(std::move(each));
                    }
                }
            }
        }
        return found;
    }

    Services& services_;
    std::shared_ptr<Job> job_;
    Downloader& downloader_;
    const store::Lease& lease_;
    const ChannelRecordsOrder& order_;
    std::vector<Channel> named_;
    std::deque<NamedChannel> channels_;  // those named and those found, for places to point to
    std::vector<conda::ChannelRelation> relations_;
    std::vector<Place> places_;
};

}  // namespace

std::vector<std::string> subdirs_of(const Channel& channel, const std::string& platform) {
    if (channel.only_subdir()) {
        return {*channel.only_subdir()};
    }
    return platform == "noarch" ? std::vector<std::string>{"noarch"}
                                : std::vector<std::string>{platform, "noarch"};
}

Awaitable<Result<std::shared_ptr<conda::ChannelSource>>> load_channel_records(
    Services& services,
    std::shared_ptr<Job> job,
    Downloader& downloader,
    const store::Lease& lease,
    ChannelRecordsOrder order
) {
    Loading loading(services, std::move(job), downloader, lease, order);
    co_return co_await loading.run();
}

}  // namespace kiln::daemon
