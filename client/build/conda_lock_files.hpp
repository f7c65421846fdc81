#pragma once

#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// A package that a lock names by a path: the client opens it, the daemon only learns its digest.
struct LockFileEntry {
    std::string as_written;  // without the #anchor: its key on the wire
    std::string path;        // file:// taken off, %XX decoded; relative to where kiln runs
};

/// The file entries of an @EXPLICIT lock. The daemon reads the lock again and for good; here only
/// what must be opened is looked for, and lines that make no sense are left to it.
std::vector<LockFileEntry> file_entries(std::string_view lock);

struct HashedFiles {
    std::map<std::string, Digest> by_entry;  // as written
    std::map<Digest, std::string> paths;     // where its bytes are
};

/// Their digests, remembered like those of a context.
/// Errors   not_found and permission naming the package; cancelled.
Result<HashedFiles> hash_files(
    const std::vector<LockFileEntry>& entries,
    const std::optional<std::string>& cache_directory,
    std::int64_t now_ns,
    const std::stop_token& stop
);

}  // namespace kiln::client
