#include "layers/layer_reader.hpp"

#include "layers/compress/compressor.hpp"
#include "layers/compress/decompress.hpp"
#include "store/base/file.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace kiln {
namespace {

/// Frames are k_frame_tar_bytes; a map that says otherwise by far is not ours.
constexpr std::uint32_t k_frame_bytes = 64U << 20U;

/// What a layer's tar is read through; 0 bytes at its end.
class TarBytes {
  public:
    TarBytes() = default;
    TarBytes(const TarBytes&) = delete;
    TarBytes& operator=(const TarBytes&) = delete;
    virtual ~TarBytes() = default;
    virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan into) = 0;
};

class PlainTar final : public TarBytes {
  public:
    explicit PlainTar(int fd)
        : fd_(fd) {}

    Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan into) override {
        return pread_some(fd_, into, offset);
    }

  private:
    int fd_;
};

class FramedTar final : public TarBytes {
  public:
    FramedTar(int fd, const Dress& dress)
        : fd_(fd),
          frames_(dress.frames.frames),
          decompressor_(dress.compression) {
        std::uint64_t tar_offset = 0;
        std::uint64_t blob_offset = 0;
        for (const Frame& frame : frames_) {
            tar_offsets_.push_back(tar_offset);
            blob_offsets_.push_back(blob_offset);
            tar_offset += frame.tar_bytes;
            blob_offset += frame.blob_bytes;
        }
    }

    Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan into) override {
        const auto after = std::upper_bound(tar_offsets_.begin(), tar_offsets_.end(), offset);
        const auto index = static_cast<std::size_t>(after - tar_offsets_.begin()) - 1;
        const std::uint64_t begin = offset - tar_offsets_[index];
        if (begin >= frames_[index].tar_bytes) {
            return std::size_t{0};  // behind the last frame
        }
        if (index != at_hand_) {
            TRY(decompress(index));
        }
        const ByteSpan rest = ByteSpan(block_).subspan(begin);
        const std::size_t count = std::min(rest.size(), into.size());
        std::memcpy(into.data(), rest.data(), count);
        return count;
    }

  private:
    Result<void> decompress(std::size_t index) {
        const Frame& frame = frames_[index];
        if (frame.tar_bytes > k_frame_bytes || frame.blob_bytes > 2 * k_frame_bytes) {
            return fail(Code::corrupt, "the frame map of a layer is damaged");
        }
        at_hand_.reset();
        frame_.resize(frame.blob_bytes);
        block_.resize(frame.tar_bytes);
        TRY(pread_exact(fd_, frame_, blob_offsets_[index]));
        TRY(decompressor_.decompress(frame_, block_));
        at_hand_ = index;
        return {};
    }

    int fd_;
    std::vector<Frame> frames_;
    std::vector<std::uint64_t> tar_offsets_;
    std::vector<std::uint64_t> blob_offsets_;
    FrameDecompressor decompressor_;
    std::optional<std::size_t> at_hand_;
    Bytes frame_;
    Bytes block_;
};

/// What others compressed: there is only the way from the front.
class StreamedTar final : public TarBytes {
  public:
    explicit StreamedTar(int fd)
        : fd_(fd) {}

    Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan into) override {
        if (!plain_ || offset < position_) {
            compressed_.emplace(fd_);
            TRY_ASSIGN(plain_, decompress(*compressed_));
            position_ = 0;
        }
        if (position_ < offset) {
            TRY_ASSIGN(const std::uint64_t skipped, plain_->skip(offset - position_));
            position_ += skipped;
            if (position_ < offset) {
                return std::size_t{0};
            }
        }
        TRY_ASSIGN(const std::size_t count, plain_->read(into));
        position_ += count;
        return count;
    }

  private:
    int fd_;
    std::optional<FdSource> compressed_;
    std::unique_ptr<ByteSource> plain_;
    std::uint64_t position_ = 0;
};

std::unique_ptr<TarBytes> open_bytes(int blob_fd, const Dress& dress) {
    if (dress.compression == Compression::none) {
        return std::make_unique<PlainTar>(blob_fd);
    }
    if (dress.frames.frames.empty()) {
        return std::make_unique<StreamedTar>(blob_fd);
    }
    return std::make_unique<FramedTar>(blob_fd, dress);
}

/// From an offset on: so many bytes, or all that follow.
class RangeSource final : public ByteSource {
  public:
    RangeSource(TarBytes& tar, std::uint64_t offset, std::optional<std::uint64_t> size_bytes)
        : tar_(tar),
          offset_(offset),
          left_(size_bytes) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        const std::uint64_t most = left_.value_or(into.size());
        into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), most)));
        if (into.empty()) {
            return std::size_t{0};
        }
        TRY_ASSIGN(const std::size_t count, tar_.read_at(offset_, into));
        if (count == 0 && left_) {
            return fail(Code::corrupt, "the layer's tar ends {} bytes early", *left_);
        }
        offset_ += count;
        if (left_) {
            *left_ -= count;
        }
        return count;
    }

  private:
    TarBytes& tar_;
    std::uint64_t offset_;
    std::optional<std::uint64_t> left_;
};

class OwningSource final : public ByteSource {
  public:
    OwningSource(
        std::unique_ptr<TarBytes> tar, std::uint64_t offset, std::optional<std::uint64_t> size_bytes
    )
        : tar_(std::move(tar)),
          range_(*tar_, offset, size_bytes) {}

    Result<std::size_t> read(MutableByteSpan into) override { return range_.read(into); }

  private:
    std::unique_ptr<TarBytes> tar_;
    RangeSource range_;
};

}  // namespace

struct LayerReader::State {
    std::unique_ptr<TarBytes> tar;
};

LayerReader::LayerReader(int blob_fd, const Dress& dress)
    : state_(std::make_unique<State>(State{.tar = open_bytes(blob_fd, dress)})) {}

LayerReader::LayerReader(LayerReader&&) noexcept = default;
LayerReader& LayerReader::operator=(LayerReader&&) noexcept = default;
LayerReader::~LayerReader() = default;

std::unique_ptr<ByteSource> LayerReader::tar() {
    return std::make_unique<RangeSource>(*state_->tar, 0, std::nullopt);
}

std::unique_ptr<ByteSource> LayerReader::range(std::uint64_t offset, std::uint64_t size_bytes) {
    return std::make_unique<RangeSource>(*state_->tar, offset, size_bytes);
}

Result<std::unique_ptr<ByteSource>> open_layer_tar(int blob_fd, const Dress& dress) {
    return std::make_unique<OwningSource>(open_bytes(blob_fd, dress), 0, std::nullopt);
}

Result<std::unique_ptr<ByteSource>> open_layer_range(
    int blob_fd, const Dress& dress, std::uint64_t offset, std::uint64_t size_bytes
) {
    return std::make_unique<OwningSource>(open_bytes(blob_fd, dress), offset, size_bytes);
}

}  // namespace kiln
