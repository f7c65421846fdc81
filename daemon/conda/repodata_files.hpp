#pragma once

#include "store/digest.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::daemon {

/// The index of a sharded repodata (cep-16).
inline constexpr std::string_view k_shards_name = "repodata_shards.msgpack.zst";

/// What a directory may have, the best first: what is whole is read in one go, while of shards each
/// is a file that the client sends.
inline constexpr std::string_view k_repodata_names[] = {
    "repodata.json.zst", "repodata.json", k_shards_name};

/// What the client says of a subdir of a channel that is a directory of its own: which of
/// k_repodata_names it has there, and that file's digest.
struct RepodataFile {
    std::string name;
    Digest digest;
};

/// By Channel::subdir_url(); nullopt: the directory has none of them.
using RepodataFiles = std::map<std::string, std::optional<RepodataFile>>;

}  // namespace kiln::daemon
