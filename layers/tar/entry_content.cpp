#include "layers/tar/entry_content.hpp"

#include "layers/tar/tar_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kiln::tar {

void EntryContent::begin(
    std::uint64_t stored_bytes, std::vector<Extent> extents, std::uint64_t size_bytes
) {
    stored_end_ = input_.offset() + stored_bytes;
    extents_ = std::move(extents);
    extent_ = 0;
    position_ = 0;
    size_bytes_ = size_bytes;
}

Result<void> EntryContent::pass() {
    if (input_.offset() < stored_end_) {
        TRY(input_.skip(stored_end_ - input_.offset()));
        if (input_.offset() < stored_end_) {
            return fail(
                Code::corrupt, "the archive ends {} bytes early", stored_end_ - input_.offset()
            );
        }
    }
    // Headers and contents begin at whole blocks.
    TRY(input_.skip(padding_after(input_.offset())));
    begin(0, {}, 0);
    return {};
}

Result<std::size_t> EntryContent::read(MutableByteSpan into) {
    const std::uint64_t rest = size_bytes_ - position_;
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), rest)));
    if (into.empty()) {
        return std::size_t{0};
    }
    while (extent_ < extents_.size()
           && position_ >= extents_[extent_].file_offset + extents_[extent_].size_bytes) {
        ++extent_;
    }
    const std::uint64_t hole_end =
        extent_ < extents_.size() ? extents_[extent_].file_offset : size_bytes_;
    if (position_ < hole_end) {
        const auto zeros = std::min<std::uint64_t>(into.size(), hole_end - position_);
        std::memset(into.data(), 0, zeros);
        position_ += zeros;
        return zeros;
    }
    const std::uint64_t left = hole_end + extents_[extent_].size_bytes - position_;
    TRY_ASSIGN(
        const std::size_t count,
        input_.read(into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)))
        )
    );
    if (count == 0) {
        return fail(Code::corrupt, "the archive ends inside the content of an entry");
    }
    position_ += count;
    return count;
}

std::optional<std::uint64_t> EntryContent::offset() const {
    if (size_bytes_ == 0) {
        return stored_end_;
    }
    const bool whole = extents_.size() == 1 && extents_.front().size_bytes == size_bytes_;
    return whole ? std::optional(extents_.front().tar_offset) : std::nullopt;
}

}  // namespace kiln::tar
