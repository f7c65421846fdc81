#include "layers/block_buffers.hpp"

#include <algorithm>

namespace kiln {
namespace {

BlockBuffer take_last(std::vector<BlockBuffer>& idle) {
    if (idle.empty()) {
        return {};
    }
    BlockBuffer buffer = std::move(idle.back());
    idle.pop_back();
    return buffer;
}

}  // namespace

MutableByteSpan BlockBuffer::reserve(std::size_t size) {
    if (capacity < size) {
        bytes = std::make_unique_for_overwrite<std::byte[]>(size);
        capacity = size;
    }
    return {bytes.get(), capacity};
}

BlockBuffer BlockBuffers::take_tar() {
    const std::lock_guard lock(mutex_);
    return take_last(tars_);
}

void BlockBuffers::give_tar(BlockBuffer buffer) {
    const std::lock_guard lock(mutex_);
    tars_.push_back(std::move(buffer));
}

BlockBuffer BlockBuffers::take_frame() {
    const std::lock_guard lock(mutex_);
    return take_last(frames_);
}

void BlockBuffers::give_frame(BlockBuffer buffer) {
    const std::lock_guard lock(mutex_);
    frames_.push_back(std::move(buffer));
}

Result<std::unique_ptr<Compressor>> BlockBuffers::take_compressor(
    Compression compression, std::optional<int> level
) {
    {
        const std::lock_guard lock(mutex_);
        const Kind kind(compression, level);
        const auto found =
            std::find_if(compressors_.rbegin(), compressors_.rend(), [&](const auto& each) {
                return each.first == kind;
            });
        if (found != compressors_.rend()) {
            auto compressor = std::move(found->second);
            compressors_.erase(std::next(found).base());
            return compressor;
        }
    }
    return make_compressor(compression, level);
}

void BlockBuffers::give_compressor(
    Compression compression, std::optional<int> level, std::unique_ptr<Compressor> compressor
) {
    const std::lock_guard lock(mutex_);
    compressors_.emplace_back(Kind(compression, level), std::move(compressor));
}

}  // namespace kiln
