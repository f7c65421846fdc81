#pragma once

#include "store/digest.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::daemon {

/// The names of a whole repodata, the best first.
inline constexpr std::string_view k_repodata_names[] = {"repodata.json.zst", "repodata.json"};

/// What the client says of a subdir of a channel that is a directory of its own: which of
/// k_repodata_names it has there, and that file's digest.
struct RepodataFile {
    std::string name;
    Digest digest;
};

/// By Channel::subdir_url(); nullopt: the directory has none of them.
using RepodataFiles = std::map<std::string, std::optional<RepodataFile>>;

}  // namespace kiln::daemon
