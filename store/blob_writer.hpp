#pragma once

#include "store/base/bytes.hpp"
#include "store/descriptor.hpp"

#include <optional>

namespace kiln::store {

/// Takes one blob into the store. Nothing is visible to readers until commit().
/// Shape    bytes in, in order; one Digest and size out.
/// Errors   out_of_space; digest_mismatch when `expected` is given and differs (nothing is kept).
/// Thread   one writer, one thread; may block on the disk, so call it from the pool.
class BlobWriter : public ByteSink {
  public:
    struct Committed {
        Digest digest;
        std::uint64_t size_bytes = 0;
    };

    /// `expected` is needed where the caller hashes. The blob has its name, not yet durably:
    /// Store::record() syncs what it names. Committing bytes that are already there keeps the old
    /// file. Call once; an uncommitted writer leaves nothing.
    virtual Result<Committed> commit(std::optional<Digest> expected) = 0;
};

}  // namespace kiln::store
