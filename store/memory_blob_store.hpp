#pragma once

#include "store/blob_store.hpp"

#include <map>
#include <mutex>

namespace kiln::store {

/// Blobs in memory files, for tests and for documents that are made only to be looked at.
class MemoryBlobStore final : public BlobStore {
  public:
    Result<std::unique_ptr<BlobWriter>> begin(const Lease& lease, HashedBy hashed) override;
    Result<BlobReader> open(const Digest& digest) override;
    Result<std::optional<std::uint64_t>> size_of(const Digest& digest) override;

  private:
    friend class MemoryBlobWriter;

    struct Blob {
        Fd fd;
        std::uint64_t size_bytes = 0;
    };

    std::mutex mutex_;
    std::map<Digest, Blob> blobs_;
};

}  // namespace kiln::store
