#pragma once

#include "client/conda/lock_files.hpp"
#include "client/wire/conda.hpp"
#include "store/base/error.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// `./channel`, `../channel` and `/srv/channel` as the file:// URL of that directory; names and
/// URLs stay as they are.
Result<std::string> channel_url(std::string_view written);

/// The repodata of subdirs that the daemon asks for ("file:///srv/channel/linux-64"): for each the
/// first of `names` that is there, or that there is none.
/// Errors   permission: a subdir of no channel that the user named, in `named` or in `text`.
///          Nothing else of the user's is opened for whoever listens at the socket.
Result<std::map<std::string, std::optional<LockFileEntry>>> find_repodata(
    const std::vector<std::string>& subdirs,
    const std::vector<std::string>& names,
    const std::vector<std::string>& named,
    std::string_view text
);

/// The shards of directories that the daemon asks for
/// ("file:///srv/channel/linux-64/HEX.msgpack.zst" or in a directory below). Errors   permission:
/// one that lies in no channel that the user named, in `named` or in `text`.
Result<std::vector<LockFileEntry>> wanted_shards(
    const std::vector<std::string>& entries,
    const std::vector<std::string>& named,
    std::string_view text
);

/// The packages that the daemon asks for after it locked the specification `text`.
/// Errors   permission: one that lies in no channel that the user named, in `named` or in `text`.
Result<std::vector<LockFileEntry>> wanted_packages(
    const std::vector<std::string>& entries,
    const std::vector<std::string>& named,
    std::string_view text
);

/// "file:///srv/a%20b" of a path, made absolute. Errors   those of the working directory.
Result<std::string> url_of_path(std::string_view path);

}  // namespace kiln::client
