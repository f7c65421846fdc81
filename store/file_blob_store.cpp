#include "store/file_blob_store.hpp"

#include "store/lease.hpp"

#include <utility>

namespace kiln::store {
namespace {

class FileBlobWriter final : public BlobWriter {
  public:
    /// Without a hasher the caller hashes.
    FileBlobWriter(
        ObjectFolder& folder, const Lease& lease, NewFile file, std::optional<Hasher> hasher
    )
        : folder_(folder),
          lease_(lease),
          file_(std::move(file)),
          hasher_(std::move(hasher)) {}

    Result<void> write(ByteSpan bytes) override {
        ASSERT(file_.has_value());
        if (hasher_) {
            hasher_->update(bytes);
        }
        return file_->write(bytes);
    }

    Result<Committed> commit(std::optional<Digest> expected) override {
        ASSERT(file_.has_value());
        NewFile file = std::move(*file_);
        file_.reset();
        TRY(file.let_go());
        const std::uint64_t size_bytes = file.size_bytes();
        ASSERT(hasher_ || expected);
        const Digest digest = hasher_ ? hasher_->finish() : *expected;
        if (expected && digest != *expected) {
            return fail(
                Code::digest_mismatch,
                "the bytes are {}, not {}",
                digest.render(),
                expected->render()
            );
        }
        lease_.keep(digest);
        TRY(folder_.publish(std::move(file), digest, digest));
        return Committed{.digest = digest, .size_bytes = size_bytes};
    }

  private:
    ObjectFolder& folder_;
    const Lease& lease_;
    std::optional<NewFile> file_;
    std::optional<Hasher> hasher_;
};

}  // namespace

Result<std::unique_ptr<BlobWriter>> FileBlobStore::begin(const Lease& lease, HashedBy hashed) {
    TRY_ASSIGN(NewFile file, folder_.begin(), "while starting a blob");
    std::optional<Hasher> hasher;
    if (hashed == HashedBy::store) {
        hasher.emplace();
    }
    return std::unique_ptr<BlobWriter>(
        std::make_unique<FileBlobWriter>(folder_, lease, std::move(file), std::move(hasher))
    );
}

std::unique_ptr<BlobWriter> write_on(
    ObjectFolder& blobs, const Lease& lease, NewFile file, Hasher hasher
) {
    return std::make_unique<FileBlobWriter>(blobs, lease, std::move(file), std::move(hasher));
}

Result<BlobReader> FileBlobStore::open(const Digest& digest) {
    TRY_ASSIGN(Fd fd, folder_.open(digest));
    TRY_ASSIGN(const struct stat facts, stat_fd(fd.get()));
    return BlobReader(std::move(fd), static_cast<std::uint64_t>(facts.st_size));
}

Result<std::optional<std::uint64_t>> FileBlobStore::size_of(const Digest& digest) {
    TRY_ASSIGN(const auto object, folder_.find(digest));
    return object ? std::optional(object->size_bytes) : std::nullopt;
}

}  // namespace kiln::store
