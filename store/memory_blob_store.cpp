#include "store/memory_blob_store.hpp"

#include "store/hasher.hpp"
#include "store/lease.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace kiln::store {

class MemoryBlobWriter final : public BlobWriter {
  public:
    MemoryBlobWriter(MemoryBlobStore& store, const Lease& lease, Fd fd, HashedBy hashed)
        : store_(store),
          lease_(lease),
          fd_(std::move(fd)),
          hashed_(hashed) {}

    Result<void> write(ByteSpan bytes) override {
        TRY(write_all(fd_.get(), bytes));
        hasher_.update(bytes);
        size_bytes_ += bytes.size();
        return {};
    }

    Result<Committed> commit(std::optional<Digest> expected) override {
        ASSERT(hashed_ == HashedBy::store || expected);
        const Digest digest = hashed_ == HashedBy::store ? hasher_.finish() : *expected;
        if (expected && digest != *expected) {
            return fail(
                Code::digest_mismatch,
                "the bytes are {}, not {}",
                digest.render(),
                expected->render()
            );
        }
        lease_.keep(digest);
        const std::lock_guard lock(store_.mutex_);
        store_.blobs_.try_emplace(
            digest, MemoryBlobStore::Blob{.fd = std::move(fd_), .size_bytes = size_bytes_}
        );
        return Committed{.digest = digest, .size_bytes = size_bytes_};
    }

  private:
    MemoryBlobStore& store_;
    const Lease& lease_;
    Fd fd_;
    HashedBy hashed_;
    Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
};

Result<std::unique_ptr<BlobWriter>> MemoryBlobStore::begin(const Lease& lease, HashedBy hashed) {
    Fd fd(::memfd_create("kiln-blob", MFD_CLOEXEC));
    if (!fd.is_open()) {
        return fail_errno("memfd_create");
    }
    return std::unique_ptr<BlobWriter>(
        std::make_unique<MemoryBlobWriter>(*this, lease, std::move(fd), hashed)
    );
}

Result<BlobReader> MemoryBlobStore::open(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) {
        return fail(Code::not_found, "blob {} is not in the store", digest.render());
    }
    TRY_ASSIGN(Fd fd, duplicate(found->second.fd));
    return BlobReader(std::move(fd), found->second.size_bytes);
}

Result<std::optional<std::uint64_t>> MemoryBlobStore::size_of(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    return found == blobs_.end() ? std::nullopt : std::optional(found->second.size_bytes);
}

}  // namespace kiln::store
