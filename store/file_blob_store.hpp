#pragma once

#include "store/blob_store.hpp"
#include "store/hasher.hpp"
#include "store/object_folder.hpp"

namespace kiln::store {

/// A writer whose file has some bytes already, which `hasher` knows.
std::unique_ptr<BlobWriter> write_on(
    ObjectFolder& blobs, const Lease& lease, NewFile file, Hasher hasher
);

/// The blobs of an OCI image layout, blobs/sha256/HEX.
class FileBlobStore final : public BlobStore {
  public:
    explicit FileBlobStore(ObjectFolder& folder)
        : folder_(folder) {}

    Result<std::unique_ptr<BlobWriter>> begin(const Lease& lease, HashedBy hashed) override;
    Result<BlobReader> open(const Digest& digest) override;
    Result<std::optional<std::uint64_t>> size_of(const Digest& digest) override;

  private:
    ObjectFolder& folder_;
};

}  // namespace kiln::store
