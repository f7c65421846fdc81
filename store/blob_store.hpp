#pragma once

#include "store/base/error.hpp"
#include "store/blob_reader.hpp"
#include "store/blob_writer.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace kiln::store {

class Lease;

/// Who computes the digest of what is written.
enum class HashedBy : std::uint8_t {
    store,
    caller,  // of the very bytes, along the way: commit() then needs it, and takes it as it is
};

/// Bytes by digest. The file store keeps them as OCI image layout blobs (image-layout.md);
/// the memory store serves tests. Both pass tests/store/blob_store_conformance.hpp.
/// Thread   any; every call may block, so call it from the pool.
class BlobStore {
  public:
    BlobStore() = default;
    BlobStore(const BlobStore&) = delete;
    BlobStore& operator=(const BlobStore&) = delete;
    virtual ~BlobStore() = default;

    /// What is committed stays until the lease ends, or longer when something names it by then.
    virtual Result<std::unique_ptr<BlobWriter>> begin(
        const Lease& lease, HashedBy hashed = HashedBy::store
    ) = 0;
    /// Errors   not_found.
    virtual Result<BlobReader> open(const Digest& digest) = 0;
    virtual Result<std::optional<std::uint64_t>> size_of(const Digest& digest) = 0;
};

/// A small blob as one value: manifests, configs, tables.
Result<Bytes> read_blob(BlobStore& blobs, const Digest& digest, std::size_t limit_bytes);
Result<Digest> write_blob(BlobStore& blobs, const Lease& lease, ByteSpan bytes);

}  // namespace kiln::store
