#include "layers/conda/channel/channel_source.hpp"

#include "layers/conda/edit_distance.hpp"
#include "layers/conda/lockfile.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace kiln::conda {

namespace {

/// Names to suggest: more is no help.
constexpr std::size_t k_similar_names = 5;
/// Bad records that are told one by one.
constexpr std::size_t k_notices = 100;

/// How unlike a name is: a part of it is nearer than any misspelling.
std::size_t unlikeness(std::string_view written, std::string_view name) {
    if (name.find(written) != std::string_view::npos && written.size() >= 3) {
        return name.starts_with(written) ? 0 : 1;
    }
    return 1 + edit_distance(written, name);
}

std::size_t tolerance(std::string_view written) {
    return 1 + std::max<std::size_t>(written.size() / 3, 1);
}

}  // namespace

Result<Repodata::Found> WholeSubdir::records(std::string_view name) const {
    return repodata_.records(name);
}

std::vector<std::string_view> WholeSubdir::names() const {
    std::vector<std::string_view> names;
    const std::size_t count = repodata_.index().name_count();
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back(repodata_.index().name(i));
    }
    return names;
}

RepodataInfo WholeSubdir::info() const {
    return repodata_.index().info();
}

std::optional<Digest> ShardedSubdir::missing(std::string_view name) const {
    return shards_.contains(name) ? std::nullopt : index_.find(name);
}

Result<void> ShardedSubdir::add(const std::string& name, ByteSpan compressed) {
    const std::optional<Digest> shard = index_.find(name);
    if (!shard) {
        return fail(Code::internal, "there is no shard of {}", name);
    }
    TRY_ASSIGN(Repodata repodata, read_shard(compressed, *shard, "the shard of " + name));
    shards_.insert_or_assign(name, std::move(repodata));
    return {};
}

Result<Repodata::Found> ShardedSubdir::records(std::string_view name) const {
    const auto shard = shards_.find(name);
    return shard != shards_.end() ? shard->second.records(name) : Repodata::Found{};
}

std::vector<std::string_view> ShardedSubdir::names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, shard] : index_.shards()) {
        names.emplace_back(name);
    }
    return names;
}

RepodataInfo ShardedSubdir::info() const {
    return index_.info();
}

void ChannelSource::add(
    const Channel& channel, std::string_view subdir, std::shared_ptr<const SubdirRecords> records
) {
    Subdir added{
        .channel = channel,
        .name = std::string(subdir),
        .records = std::move(records),
        .packages_url = {}};
    for (const Subdir& other : subdirs_) {
        if (other.channel.base_url() == channel.base_url()) {
            added.channel_index = other.channel_index;
            added.subdir_index = std::max(added.subdir_index, other.subdir_index + 1);
        } else if (added.subdir_index == 0) {
            added.channel_index = std::max(added.channel_index, other.channel_index + 1);
        }
    }
    // cep-15: seen from the repodata, which lies in the subdir.
    const std::string base_url = added.records->info().base_url;
    const std::string folder = channel.subdir_url(subdir) + "/";
    added.packages_url =
        base_url.empty() ? folder : without_credentials(resolve_url(folder, base_url));
    added.packages_url += added.packages_url.ends_with('/') ? "" : "/";
    subdirs_.push_back(std::move(added));
    loaded_.clear();
}

std::vector<std::string> ChannelSource::channels() const {
    std::vector<std::string> urls;
    for (const Subdir& subdir : subdirs_) {
        if (std::find(urls.begin(), urls.end(), subdir.channel.base_url()) == urls.end()) {
            urls.push_back(subdir.channel.base_url());
        }
    }
    return urls;
}

Result<std::vector<PlacedRecord>> ChannelSource::records(std::string_view name) {
    if (const auto known = loaded_.find(name); known != loaded_.end()) {
        return known->second->placed;
    }
    auto loaded = std::make_unique<Loaded>();
    loaded->by_subdir.reserve(subdirs_.size());
    for (const Subdir& subdir : subdirs_) {
        TRY_ASSIGN(
            std::vector<PackageRecord> records,
            load(subdir, name),
            "while reading {}",
            subdir.channel.subdir_url(subdir.name)
        );
        loaded->by_subdir.push_back(std::move(records));
        for (const PackageRecord& record : loaded->by_subdir.back()) {
            loaded->placed.push_back(
                {.record = &record, .channel = subdir.channel_index, .subdir = subdir.subdir_index}
            );
        }
    }
    return loaded_.emplace(name, std::move(loaded)).first->second->placed;
}

Result<std::vector<PackageRecord>> ChannelSource::load(
    const Subdir& subdir, std::string_view name
) {
    TRY_ASSIGN(Repodata::Found found, subdir.records->records(name));
    for (const std::string& refused : found.refused) {
        if (notices_.size() < k_notices) {
            notices_.push_back(subdir.channel.subdir_url(subdir.name) + "/" + refused);
        }
    }
    std::set<std::string, std::less<>> as_conda;
    for (const PackageRecord& record : found.records) {
        if (record.file_name.ends_with(".conda")) {
            as_conda.emplace(*dist_of(record.file_name));
        }
    }
    std::vector<PackageRecord> records;
    records.reserve(found.records.size());
    for (PackageRecord& record : found.records) {
        const bool is_older_archive =
            record.file_name.ends_with(".tar.bz2") && as_conda.contains(*dist_of(record.file_name));
        if (is_older_archive) {
            continue;
        }
        record.url = subdir.packages_url + record.file_name;
        record.channel = subdir.channel.base_url();
        record.channel_name = subdir.channel.name();
        if (record.subdir.empty()) {
            record.subdir = subdir.name;
        }
        records.push_back(std::move(record));
    }
    return records;
}

std::vector<std::string> ChannelSource::similar_names(std::string_view name) {
    std::set<std::tuple<std::size_t, std::size_t, std::string>> near;
    for (const Subdir& subdir : subdirs_) {
        for (const std::string_view other : subdir.records->names()) {
            // Lengths alone tell most apart.
            const std::size_t unlike = unlikeness(name, other);
            if (unlike <= tolerance(name) && other != name) {
                near.emplace(unlike, other.size(), other);
            }
            if (near.size() > k_similar_names) {
                near.erase(std::prev(near.end()));
            }
        }
    }
    std::vector<std::string> names;
    for (const auto& [unlike, size, other] : near) {
        names.push_back(other);
    }
    return names;
}

}  // namespace kiln::conda
