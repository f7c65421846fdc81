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

/// The one of this kind that was given back last; null when there is none.
template<class Kind, class Tool>
std::unique_ptr<Tool> take_last(
    std::vector<std::pair<Kind, std::unique_ptr<Tool>>>& idle, const Kind& kind
) {
    const auto found = std::find_if(idle.rbegin(), idle.rend(), [&](const auto& each) {
        return each.first == kind;
    });
    if (found == idle.rend()) {
        return nullptr;
    }
    std::unique_ptr<Tool> tool = std::move(found->second);
    idle.erase(std::next(found).base());
    return tool;
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
        if (auto idle = take_last(compressors_, Kind(compression, level))) {
            return idle;
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

std::unique_ptr<FrameDecompressor> BlockBuffers::take_decompressor(Compression compression) {
    {
        const std::lock_guard lock(mutex_);
        if (auto idle = take_last(decompressors_, compression)) {
            return idle;
        }
    }
    return std::make_unique<FrameDecompressor>(compression);
}

void BlockBuffers::give_decompressor(
    Compression compression, std::unique_ptr<FrameDecompressor> decompressor
) {
    const std::lock_guard lock(mutex_);
    decompressors_.emplace_back(compression, std::move(decompressor));
}

}  // namespace kiln
