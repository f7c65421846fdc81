#pragma once

#include "client/environment.hpp"
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

class Session;

/// A package that a lock names by a path: the client opens it, the daemon only learns its digest.
struct LockFileEntry {
    std::string as_written;  // without the #anchor: its key on the wire
    std::string path;        // file:// taken off, %XX decoded; relative to where kiln runs
    std::optional<Span> where = std::nullopt;       // in the lock
    std::optional<Digest> promised = std::nullopt;  // its sha256, as the lock says
    bool operator==(const LockFileEntry&) const = default;
};

/// The files of a lock that the daemon, which reads locks, asks for. "~/x" and "$NAME/x" are what
/// they are to a shell (cep-23); a variable that is not set stays as it is written.
/// Errors   permission: one that does not stand in the lock. Nothing else of the user's is opened
///          for whoever listens at the socket.
Result<std::vector<LockFileEntry>> wanted_files(
    const std::vector<std::string>& entries,
    std::string_view lock,
    const std::string& lock_name,
    const Environment& environment
);

/// "file:///a%20b" and "file://localhost/a%20b" are "/a b"; what has no scheme is a path already.
std::string path_of(std::string_view entry);

/// Whether what a lock says of a file is taken at its word: kilnd holds what it gets against that,
/// so that reading it twice tells nothing more unless it refuses it.
enum class Promises : std::uint8_t { believed, checked };

/// Whether a refusal means that a lock's word is not to be trusted: then it isn't any more, and
/// the files are to be hashed again.
bool breaks_promise(const Error& refusal, Promises& promises);

struct HashedFiles {
    std::map<std::string, Digest> by_entry;  // as written
    std::map<Digest, std::string> paths;     // where its bytes are
};

/// Their digests, remembered like those of a context; what is not known is read by several threads.
/// Errors   not_found and permission naming the package; cancelled.
Result<HashedFiles> hash_files(
    const std::vector<LockFileEntry>& entries,
    Promises promises,
    const std::optional<std::string>& cache_directory,
    std::int64_t now_ns,
    const std::stop_token& stop
);

/// With the session's cache directory and clock, until it is interrupted.
Result<HashedFiles> hash_files(
    const Session& session,
    const std::vector<LockFileEntry>& entries,
    Promises promises = Promises::checked
);

}  // namespace kiln::client
