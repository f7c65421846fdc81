#include "store/blob_store.hpp"

namespace kiln::store {

Result<Bytes> read_blob(BlobStore& blobs, const Digest& digest, std::size_t limit_bytes) {
    TRY_ASSIGN(const BlobReader reader, blobs.open(digest));
    if (reader.size_bytes() > limit_bytes) {
        return fail(
            Code::too_large,
            "blob {} is {}; at most {} are read",
            digest.render(),
            render_size(reader.size_bytes()),
            render_size(limit_bytes)
        );
    }
    Bytes bytes(static_cast<std::size_t>(reader.size_bytes()));
    TRY(reader.pread(bytes, 0), "while reading blob {}", digest.render());
    return bytes;
}

Result<Digest> write_blob(BlobStore& blobs, const Lease& lease, ByteSpan bytes) {
    TRY_ASSIGN(const auto writer, blobs.begin(lease));
    TRY(writer->write(bytes));
    TRY_ASSIGN(const BlobWriter::Committed committed, writer->commit(std::nullopt));
    return committed.digest;
}

}  // namespace kiln::store
