#include "layers/oci/hashing_source.hpp"

namespace kiln::oci {

Result<std::size_t> HashingSource::read(MutableByteSpan into) {
    TRY_ASSIGN(const std::size_t count, inner_.read(into));
    const ByteSpan bytes = into.first(count);
    hasher_.update(bytes);
    size_bytes_ += count;
    if (copy_ != nullptr && count > 0) {
        TRY(copy_->write(bytes));
    }
    return count;
}

Result<void> HashingSource::drain() {
    constexpr std::size_t k_buffer_bytes = 64 * 1024;
    Bytes buffer(k_buffer_bytes);
    std::size_t count = 0;
    do {
        TRY_ASSIGN(count, read(buffer));
    } while (count > 0);
    return {};
}

}  // namespace kiln::oci
