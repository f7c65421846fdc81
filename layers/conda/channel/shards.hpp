#pragma once

#include "layers/conda/channel/repodata.hpp"
#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

class JsonCursor;

/// conda-forge's index has 0.7 MiB compressed, 4 MiB plain; its largest shard 2 MiB plain.
inline constexpr std::size_t k_shard_index_bytes = 256UL * 1024 * 1024;
inline constexpr std::size_t k_shard_bytes = 256UL * 1024 * 1024;

/// repodata_shards.msgpack.zst (cep-16): which blob holds the records of a name.
class ShardIndex {
  public:
    /// Errors   corrupt, invalid_input (`what` names it), unsupported (another version), too_large.
    static Result<ShardIndex> read(ByteSpan compressed, const std::string& what);

    [[nodiscard]] std::optional<Digest> find(std::string_view name) const;
    /// Where to fetch a shard from, seen from the URL of the index.
    [[nodiscard]] std::string shard_url(const Digest& shard, std::string_view index_url) const;

    [[nodiscard]] const std::map<std::string, Digest, std::less<>>& shards() const {
        return shards_;
    }

    [[nodiscard]] const RepodataInfo& info() const { return info_; }

  private:
    ShardIndex() = default;
    void read_info(JsonCursor& cursor, std::string_view text);

    std::map<std::string, Digest, std::less<>> shards_;
    RepodataInfo info_;
    std::string shards_base_url_;
};

/// One shard: a repodata of one name.
/// Errors   digest_mismatch: other bytes than the index says; corrupt, invalid_input, too_large.
Result<Repodata> read_shard(ByteSpan compressed, const Digest& expected, const std::string& what);

/// Names that the records' dependencies can lead to: what to fetch next (cep-16, "Fetch process").
/// What is only constrained, or asked for by a condition, comes in by nobody's wish, and plays no
/// part unless another dependency names it too.
std::vector<std::string> named_dependencies(const std::vector<PackageRecord>& records);

}  // namespace kiln::conda
