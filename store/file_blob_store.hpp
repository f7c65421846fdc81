#pragma once

#include "store/blob_store.hpp"
#include "store/object_folder.hpp"

namespace kiln::store {

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
