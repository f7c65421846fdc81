#pragma once

#include "layers/conda/channel/channel.hpp"
#include "layers/conda/channel/repodata.hpp"
#include "layers/conda/channel/shards.hpp"
#include "layers/conda/solve/record_source.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// The records of one subdir of a channel, wherever they come from.
class SubdirRecords {
  public:
    virtual ~SubdirRecords() = default;
    /// url and channel still empty.
    [[nodiscard]] virtual Result<Repodata::Found> records(std::string_view name) const = 0;
    [[nodiscard]] virtual std::vector<std::string_view> names() const = 0;
    [[nodiscard]] virtual RepodataInfo info() const = 0;
};

/// A whole repodata.json.
class WholeSubdir final : public SubdirRecords {
  public:
    explicit WholeSubdir(Repodata repodata)
        : repodata_(std::move(repodata)) {}

    [[nodiscard]] Result<Repodata::Found> records(std::string_view name) const override;
    [[nodiscard]] std::vector<std::string_view> names() const override;
    [[nodiscard]] RepodataInfo info() const override;

  private:
    Repodata repodata_;
};

/// A sharded repodata, of which the shards that a solve can reach were fetched before.
class ShardedSubdir final : public SubdirRecords {
  public:
    explicit ShardedSubdir(ShardIndex index)
        : index_(std::move(index)) {}

    /// The shard of a name that has none yet; nullopt when it is here or there is none.
    [[nodiscard]] std::optional<Digest> missing(std::string_view name) const;
    /// Errors   as read_shard().
    Result<void> add(const std::string& name, ByteSpan compressed);

    [[nodiscard]] const ShardIndex& index() const { return index_; }

    /// None of a name whose shard was not added: what only constrains and conditions name, no solve
    /// installs.
    [[nodiscard]] Result<Repodata::Found> records(std::string_view name) const override;
    [[nodiscard]] std::vector<std::string_view> names() const override;
    [[nodiscard]] RepodataInfo info() const override;

  private:
    ShardIndex index_;
    std::map<std::string, Repodata, std::less<>> shards_;
};

/// What a solve draws from: channels in the user's order, in each the subdirs of the platform.
/// A .tar.bz2 of which the same subdir has the .conda is left out.
class ChannelSource final : public RecordSource {
  public:
    /// Adds a subdir. Channels are told apart by their base URL, and count in the order in which
    /// they are first added; the subdirs of each too.
    void add(
        const Channel& channel,
        std::string_view subdir,
        std::shared_ptr<const SubdirRecords> records
    );

    /// Base URLs, by priority.
    [[nodiscard]] std::vector<std::string> channels() const;

    Result<std::vector<PlacedRecord>> records(std::string_view name) override;
    std::vector<std::string> similar_names(std::string_view name) override;

    /// Records of the names asked for that could not be taken: "CHANNEL/SUBDIR/FILE: why".
    [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }

  private:
    struct Subdir {
        Channel channel;
        std::string name;
        std::uint32_t channel_index = 0;
        std::uint32_t subdir_index = 0;
        std::shared_ptr<const SubdirRecords> records;
        std::string packages_url;  // what file names are put behind
    };

    /// Records stay where they are: the vectors are never changed once they are here.
    struct Loaded {
        std::vector<std::vector<PackageRecord>> by_subdir;
        std::vector<PlacedRecord> placed;
    };

    Result<std::vector<PackageRecord>> load(const Subdir& subdir, std::string_view name);

    std::vector<Subdir> subdirs_;
    std::map<std::string, std::unique_ptr<Loaded>, std::less<>> loaded_;
    std::vector<std::string> notices_;
};

}  // namespace kiln::conda
