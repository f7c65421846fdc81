#include "daemon/exec/frame_reader.hpp"

#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <cstring>

namespace kiln::exec {
namespace {

constexpr std::size_t k_piece_bytes = limits::k_mib;
// Frames of 2 MiB: enough that nobody waits for a slow one, little enough to stay in a few MiB.
constexpr std::size_t k_pieces_a_worker = 2;

Result<Bytes> read_piece(ByteSource& source, std::size_t size) {
    Bytes piece(size);
    std::size_t filled = 0;
    while (filled < size) {
        TRY_ASSIGN(const std::size_t count, source.read(MutableByteSpan(piece).subspan(filled)));
        if (count == 0) {
            break;
        }
        filled += count;
    }
    piece.resize(filled);
    return piece;
}

}  // namespace

FrameReader::FrameReader(
    int blob_fd, const Dress& dress, std::uint32_t workers, std::stop_token stop
)
    : blob_fd_(blob_fd),
      dress_(dress),
      stop_(std::move(stop)),
      window_(k_pieces_a_worker * std::max(workers, 1U)) {
    const auto& frames = dress.frames.frames;
    if (frames.empty()) {
        threads_.emplace_back([this] { produce_in_order(); });
        return;
    }
    std::uint64_t offset = 0;
    for (const kiln::Frame& frame : frames) {
        offsets_.push_back(offset);
        offset += frame.tar_bytes;
    }
    for (std::uint32_t i = 0; i < std::max(workers, 1U); ++i) {
        threads_.emplace_back([this] { produce_frames(); });
    }
}

FrameReader::~FrameReader() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

Result<std::size_t> FrameReader::read(MutableByteSpan into) {
    while (position_ == current_.size() && !ended_) {
        TRY(check(stop_));
        std::unique_lock lock(mutex_);
        const auto is_next = [this](const Piece& piece) { return piece.index == next_read_; };
        auto found = ready_.end();
        changed_.wait(lock, [&] {
            found = std::find_if(ready_.begin(), ready_.end(), is_next);
            return found != ready_.end();
        });
        Piece piece = std::move(*found);
        ready_.erase(found);
        ++next_read_;
        lock.unlock();
        changed_.notify_all();
        if (piece.error) {
            return fail(*std::move(piece.error));
        }
        ended_ = piece.bytes.empty();
        current_ = std::move(piece.bytes);
        position_ = 0;
    }
    const std::size_t count = std::min(into.size(), current_.size() - position_);
    std::memcpy(into.data(), current_.data() + position_, count);
    position_ += count;
    size_bytes_ += count;
    return count;
}

std::optional<std::size_t> FrameReader::claim() {
    std::unique_lock lock(mutex_);
    const std::size_t last = offsets_.size();  // the piece that says the end
    changed_.wait(lock, [&] {
        return closing_ || next_claimed_ > last || next_claimed_ < next_read_ + window_;
    });
    if (closing_ || next_claimed_ > last) {
        return std::nullopt;
    }
    return next_claimed_++;
}

bool FrameReader::put(Piece piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closing_ || piece.index < next_read_ + window_; });
    if (closing_) {
        return false;
    }
    ready_.push_back(std::move(piece));
    lock.unlock();
    changed_.notify_all();
    return true;
}

void FrameReader::produce_frames() {
    const auto& frames = dress_.frames.frames;
    for (auto index = claim(); index; index = claim()) {
        Piece piece{.index = *index, .bytes = {}};
        if (*index < frames.size()) {
            const std::size_t size = frames[*index].tar_bytes;
            auto source = open_layer_range(blob_fd_, dress_, offsets_[*index], size);
            Result<Bytes> bytes =
                source ? read_piece(**source, size) : Result<Bytes>(fail(source.error()));
            if (!bytes) {
                piece.error = bytes.error();
            } else if (bytes->size() != size) {
                piece.error = Error{
                    .code = Code::corrupt,
                    .message = "blob " + dress_.digest.render() + " ends in the middle of a frame"};
            } else {
                piece.bytes = *std::move(bytes);
            }
        }
        if (!put(std::move(piece))) {
            return;
        }
    }
}

void FrameReader::produce_in_order() {
    auto source = open_layer_tar(blob_fd_, dress_);
    for (std::size_t index = 0;; ++index) {
        Result<Bytes> bytes =
            source ? read_piece(**source, k_piece_bytes) : Result<Bytes>(fail(source.error()));
        Piece piece{.index = index, .bytes = {}};
        const bool last = !bytes || bytes->empty();
        if (bytes) {
            piece.bytes = *std::move(bytes);
        } else {
            piece.error = bytes.error();
        }
        if (!put(std::move(piece)) || last) {
            return;
        }
    }
}

}  // namespace kiln::exec
