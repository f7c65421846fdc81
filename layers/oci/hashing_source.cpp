#include "layers/oci/hashing_source.hpp"

namespace kiln::oci {

Result<void> drain(ByteSource& source) {
    constexpr std::size_t k_buffer_bytes = 64 * 1024;
    Bytes buffer(k_buffer_bytes);
    std::size_t count = 0;
    do {
        TRY_ASSIGN(count, source.read(buffer));
    } while (count > 0);
    return {};
}

Result<std::size_t> CopyingSource::read(MutableByteSpan into) {
    TRY_ASSIGN(const std::size_t count, inner_.read(into));
    size_bytes_ += count;
    if (copy_ != nullptr && count > 0) {
        TRY(copy_->write(into.first(count)));
    }
    return count;
}

Result<std::size_t> HashingSource::read(MutableByteSpan into) {
    TRY_ASSIGN(const std::size_t count, inner_.read(into));
    hasher_.update(into.first(count));
    size_bytes_ += count;
    return count;
}

}  // namespace kiln::oci
