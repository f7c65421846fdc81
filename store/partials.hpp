#pragma once

#include "store/base/clock.hpp"
#include "store/blob_writer.hpp"
#include "store/object_folder.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace kiln::store {

/// Blobs of which a part has come (kiln/partial/HEX): whoever fetches one goes on where the last
/// one ended, though the process ended with it. Nothing that lies there is trusted: it is hashed
/// again, and the whole is held against its digest.
/// Thread   any.
class Partials {
  public:
    Partials(FileLayer& files, ObjectFolder& blobs, Fd directory);

    struct Resumed {
        std::unique_ptr<BlobWriter> writer;  // uncommitted, it leaves its part
        std::uint64_t had_bytes = 0;
    };

    /// Goes on with the part of that name, or begins it. While somebody else writes it, the writer
    /// is one that begins at nothing and leaves nothing. commit() removes the part, also where its
    /// bytes are not those expected. The writer ends before this does.
    Result<Resumed> resume(const Digest& name, const Lease& lease);
    /// False: it is being written, or there is none.
    Result<bool> discard(const Digest& name);

    struct Part {
        Digest name;
        std::uint64_t size_bytes = 0;
        UnixSeconds written = 0;
    };

    /// Those that nobody writes, sorted by name.
    [[nodiscard]] Result<std::vector<Part>> idle() const;

  private:
    class Writer;

    void release(const Digest& name);

    FileLayer& files_;
    ObjectFolder& blobs_;
    Fd directory_;
    mutable std::mutex mutex_;
    std::set<Digest> written_;  // by somebody, now
};

}  // namespace kiln::store
