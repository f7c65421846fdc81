#include "layers/tar/tar_input.hpp"

#include <algorithm>
#include <cstring>

namespace kiln::tar {
namespace {

/// Small, as contents are skipped or read past it; a run of small files fits.
constexpr std::size_t k_buffer_bytes = 16UL * 1024;

}  // namespace

TarInput::TarInput(ByteSource& source)
    : source_(source),
      buffer_(k_buffer_bytes) {}

Result<void> TarInput::fill(std::size_t at_least) {
    if (end_ - begin_ >= at_least) {
        return {};
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < at_least) {
        TRY_ASSIGN(const std::size_t count, source_.read(MutableByteSpan(buffer_).subspan(end_)));
        if (count == 0) {
            break;
        }
        end_ += count;
    }
    return {};
}

Result<std::optional<ByteSpan>> TarInput::block() {
    TRY(fill(k_block_bytes));
    if (begin_ == end_) {
        return std::optional<ByteSpan>{};
    }
    if (end_ - begin_ < k_block_bytes) {
        return fail(
            Code::corrupt,
            "the archive ends inside a header, after {} bytes",
            offset_ + end_ - begin_
        );
    }
    const ByteSpan block = ByteSpan(buffer_).subspan(begin_, k_block_bytes);
    begin_ += k_block_bytes;
    offset_ += k_block_bytes;
    return std::optional(block);
}

Result<std::size_t> TarInput::read(MutableByteSpan into) {
    std::size_t count = 0;
    if (begin_ == end_ && into.size() >= buffer_.size() / 2) {
        TRY_ASSIGN(count, source_.read(into));
    } else if (!into.empty()) {
        TRY(fill(1));
        count = std::min(into.size(), end_ - begin_);
        std::memcpy(into.data(), buffer_.data() + begin_, count);
        begin_ += count;
    }
    offset_ += count;
    return count;
}

Result<std::uint64_t> TarInput::skip(std::uint64_t count) {
    const std::uint64_t buffered = std::min<std::uint64_t>(count, end_ - begin_);
    begin_ += buffered;
    std::uint64_t skipped = buffered;
    if (skipped < count) {
        TRY_ASSIGN(const std::uint64_t further, source_.skip(count - buffered));
        skipped += further;
    }
    offset_ += skipped;
    return skipped;
}

}  // namespace kiln::tar
