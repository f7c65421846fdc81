#include "layers/block_pipeline.hpp"

#include "layers/layer_builder.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace kiln {
namespace {

/// Waking a thread for less costs more than it saves.
constexpr std::size_t k_worth_a_thread_bytes = 64UL * 1024;

/// Who has no helper does what is to be done while so few blocks are still in the processor's
/// cache.
constexpr std::uint64_t k_blocks_alone = 2;

constexpr std::size_t k_hash_block_bytes = 64;

struct ContentPiece {
    std::size_t offset;  // in the block
    std::size_t size;
    BlockPipeline::ContentPart part;
};

struct Block {
    BlockBuffer tar;
    std::size_t tar_size = 0;
    BlockBuffer frame;
    std::size_t frame_size = 0;
    bool compressed = false;
    bool copied = false;    // came compressed, to be unpacked
    bool hashed = false;    // its tar, by somebody before
    bool at_point = false;  // of the hash, where it begins
    std::vector<ContentPiece> pieces;

    /// Whether its tar lies here: what was copied has to be unpacked first.
    [[nodiscard]] bool readable() const { return !copied || compressed; }
};

}  // namespace

/// The blocks are a ring, numbered on without end; each of the three kinds of work has gone a
/// certain way along it. Two go one block after the other, compressing goes side by side.
struct BlockPipeline::Shared {
    enum class Work : std::uint8_t { none, write_frame, hash, compress };

    struct Claim {
        Work work = Work::none;
        std::uint64_t number = 0;
    };

    Shared(
        Compression compression_asked,
        std::optional<int> level_asked,
        std::shared_ptr<BlockBuffers> buffers_to_use,
        ByteSink& sink
    )
        : compression(compression_asked),
          level(level_asked),
          buffers(std::move(buffers_to_use)),
          blob(sink) {}

    Block& block(std::uint64_t number) { return ring[number % ring.size()]; }

    bool step(std::unique_lock<std::mutex>& lock);
    Claim claim();
    void perform(Claim claim);
    void complete(Claim claim);
    void write_frame(Block& block);
    void hash(Block& block);
    void compress(Block& block);
    void unpack(Block& block);
    void release_tars();
    void record_failure(Error failure);

    [[nodiscard]] std::uint64_t finished() const { return std::min(written, hashed); }

    /// Whether another block may be begun before more is done of those that are whole.
    [[nodiscard]] bool has_room() const {
        const std::uint64_t unfinished = filled - finished();
        return unfinished < (running == 0 ? std::min(k_blocks_alone, ring.size()) : ring.size());
    }

    const Compression compression;
    const std::optional<int> level;
    std::shared_ptr<BlockBuffers> buffers;  // not once it is closed

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Block> ring;
    std::uint64_t filled = 0;  // blocks before it are whole
    std::uint64_t written = 0;
    std::uint64_t hashed = 0;
    std::uint64_t compress_claimed = 0;
    bool writing = false;
    bool hashing = false;
    std::size_t running = 0;  // steps that somebody is at
    std::size_t drivers = 0;  // tasks in the pool, waiting or running
    bool closed = false;
    std::optional<Error> failure;
    std::stop_token stop;
    std::uint64_t released = 0;  // blocks before it have given their buffers back

    // Each belongs to whoever does that kind of work.
    ByteSink& blob;
    Hasher blob_hasher;
    std::uint64_t blob_bytes = 0;
    FrameMap frames;
    Hasher tar_hasher;
    Hasher content_hasher;
    std::vector<std::pair<std::size_t, Digest>> contents;
    std::vector<Hasher::Point> points;
};

Result<std::unique_ptr<BlockPipeline>> BlockPipeline::open(
    Compression compression,
    std::optional<int> level,
    std::shared_ptr<BlockBuffers> buffers,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
) {
    if (compression != Compression::none) {
        TRY_ASSIGN(auto compressor, buffers->take_compressor(compression, level));
        buffers->give_compressor(compression, level, std::move(compressor));
    }
    auto shared = std::make_shared<Shared>(compression, level, std::move(buffers), blob);
    shared->stop = std::move(stop);
    shared->ring.resize(2 * pool.size() + 2);
    return std::unique_ptr<BlockPipeline>(new BlockPipeline(pool, std::move(shared)));
}

BlockPipeline::BlockPipeline(ThreadPool& pool, std::shared_ptr<Shared> shared)
    : pool_(pool),
      shared_(std::move(shared)) {}

BlockPipeline::~BlockPipeline() {
    std::unique_lock lock(shared_->mutex);
    shared_->closed = true;
    shared_->changed.wait(lock, [this] { return shared_->running == 0; });
    // A driver that still waits its turn in the pool keeps Shared, and must not keep the buffers.
    shared_->ring.clear();
    shared_->buffers.reset();
}

/// Between here and end_block() the block belongs to the caller alone.
Result<void> BlockPipeline::begin_block() {
    Shared& shared = *shared_;
    {
        std::unique_lock lock(shared.mutex);
        while (true) {
            TRY(check(shared.stop));
            if (shared.failure) {
                return fail(*shared.failure);
            }
            if (shared.has_room()) {
                break;
            }
            if (!shared.step(lock) && shared.running > 0) {
                shared.changed.wait(lock);
            }
        }
    }
    Block& fresh = shared.block(shared.filled);
    fresh.tar_size = 0;
    fresh.pieces.clear();
    fresh.compressed = false;
    fresh.copied = false;
    fresh.hashed = tar_bytes_ < hashed_before_;
    fresh.at_point = marked_;
    marked_ = false;
    return {};
}

Result<MutableByteSpan> BlockPipeline::room() {
    if (!filling_) {
        TRY(begin_block());
        shared_->block(shared_->filled).tar = shared_->buffers->take_tar();
        filling_ = true;
    }
    Block& block = shared_->block(shared_->filled);
    return block.tar.reserve(k_frame_tar_bytes).subspan(block.tar_size);
}

void BlockPipeline::advance(std::size_t count, std::optional<ContentPart> part) {
    ASSERT(filling_);
    Block& block = shared_->block(shared_->filled);
    if (part) {
        ASSERT(!block.hashed);  // or nobody would hash the content
        block.pieces.push_back({.offset = block.tar_size, .size = count, .part = *part});
    }
    block.tar_size += count;
    tar_bytes_ += count;
    if (block.tar_size == k_frame_tar_bytes) {
        cut();
    }
}

Result<void> BlockPipeline::write(ByteSpan tar_bytes) {
    while (!tar_bytes.empty()) {
        TRY_ASSIGN(const MutableByteSpan into, room());
        const std::size_t count = std::min(into.size(), tar_bytes.size());
        std::memcpy(into.data(), tar_bytes.data(), count);
        advance(count);
        tar_bytes = tar_bytes.subspan(count);
    }
    return {};
}

void BlockPipeline::cut() {
    if (!filling_) {
        return;
    }
    if (shared_->block(shared_->filled).tar_size == 0) {
        return;
    }
    filling_ = false;
    end_block();
}

void BlockPipeline::mark() {
    cut();
    marked_ = true;
}

void BlockPipeline::hash_from(const Hasher::Point& point) {
    ASSERT(tar_bytes_ == 0 && !filling_);
    shared_->tar_hasher = Hasher(point);
    hashed_before_ = point.size_bytes;
}

Result<void> BlockPipeline::copy(const Frame& frame, ByteSource& from) {
    cut();
    ASSERT(!filling_);
    if (frame.tar_bytes > k_frame_tar_bytes) {
        return fail(Code::corrupt, "a frame holds {} bytes of tar", frame.tar_bytes);
    }
    TRY(begin_block());
    Block& block = shared_->block(shared_->filled);
    block.copied = true;
    block.tar_size = frame.tar_bytes;
    block.frame = shared_->buffers->take_frame();
    block.frame_size = frame.blob_bytes;
    TRY(read_exact(from, block.frame.reserve(frame.blob_bytes).first(frame.blob_bytes)));
    tar_bytes_ += frame.tar_bytes;
    end_block();
    return {};
}

void BlockPipeline::end_block() {
    Shared& shared = *shared_;
    const std::size_t size = shared.block(shared.filled).tar_size;
    const std::lock_guard lock(shared.mutex);
    ++shared.filled;
    if (size < k_worth_a_thread_bytes || shared.drivers >= pool_.size()) {
        return;
    }
    ++shared.drivers;
    pool_.submit([state = shared_] {
        std::unique_lock own_lock(state->mutex);
        while (state->step(own_lock)) {
        }
        --state->drivers;
    });
}

Result<void> BlockPipeline::failure() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->failure ? Result<void>(fail(*shared_->failure)) : Result<void>();
}

Result<BlockPipeline::Outcome> BlockPipeline::finish() {
    cut();
    ASSERT(tar_bytes_ >= hashed_before_);
    Shared& shared = *shared_;
    std::unique_lock lock(shared.mutex);
    while (!shared.failure && shared.finished() < shared.filled) {
        TRY(check(shared.stop));
        if (!shared.step(lock) && shared.running > 0) {
            shared.changed.wait(lock);
        }
    }
    if (shared.failure) {
        return fail(*shared.failure);
    }
    Outcome outcome;
    outcome.diff_id = shared.tar_hasher.finish();
    outcome.tar_bytes = tar_bytes_;
    outcome.dress.compression = shared.compression;
    outcome.dress.digest =
        shared.compression == Compression::none ? outcome.diff_id : shared.blob_hasher.finish();
    outcome.dress.size_bytes = shared.blob_bytes;
    outcome.dress.frames = std::move(shared.frames);
    outcome.contents = std::move(shared.contents);
    outcome.points = std::move(shared.points);
    return outcome;
}

/// Does one piece of work, without the lock; false when there is none to begin.
bool BlockPipeline::Shared::step(std::unique_lock<std::mutex>& lock) {
    const Claim claimed = claim();
    if (claimed.work == Work::none) {
        return false;
    }
    ++running;
    lock.unlock();
    perform(claimed);
    lock.lock();
    --running;
    complete(claimed);
    changed.notify_all();
    return true;
}

/// What lets others go on comes first: a written block is room for the next.
BlockPipeline::Shared::Claim BlockPipeline::Shared::claim() {
    if (closed || failure || stop.stop_requested()) {
        return {};
    }
    if (!writing && written < filled && block(written).compressed) {
        writing = true;
        return {.work = Work::write_frame, .number = written};
    }
    if (!hashing && hashed < filled && block(hashed).readable()) {
        hashing = true;
        return {.work = Work::hash, .number = hashed};
    }
    if (compress_claimed < filled) {
        return {.work = Work::compress, .number = compress_claimed++};
    }
    return {};
}

void BlockPipeline::Shared::perform(Claim claim) {
    Block& block = this->block(claim.number);
    switch (claim.work) {
        case Work::none:
            break;
        case Work::write_frame:
            write_frame(block);
            break;
        case Work::hash:
            hash(block);
            break;
        case Work::compress:
            if (block.copied) {
                unpack(block);
            } else {
                compress(block);
            }
            break;
    }
}

void BlockPipeline::Shared::complete(Claim claim) {
    switch (claim.work) {
        case Work::none:
            break;
        case Work::write_frame:
            writing = false;
            ++written;
            if (compression != Compression::none) {
                buffers->give_frame(std::move(block(claim.number).frame));
            }
            break;
        case Work::hash:
            hashing = false;
            ++hashed;
            break;
        case Work::compress:
            block(claim.number).compressed = true;
            break;
    }
    release_tars();
}

void BlockPipeline::Shared::release_tars() {
    for (; released < finished(); ++released) {
        if (BlockBuffer& tar = block(released).tar; tar.bytes) {
            buffers->give_tar(std::exchange(tar, {}));
        }
    }
}

void BlockPipeline::Shared::write_frame(Block& block) {
    const bool plain = compression == Compression::none;
    const ByteSpan bytes = plain ? ByteSpan(block.tar.bytes.get(), block.tar_size)
                                 : ByteSpan(block.frame.bytes.get(), block.frame_size);
    if (!plain) {
        // The digest of a plain blob is the diff_id, and its frames lie where the tar says.
        blob_hasher.update(bytes);
        frames.frames.push_back(
            {.tar_bytes = static_cast<std::uint32_t>(block.tar_size),
             .blob_bytes = static_cast<std::uint32_t>(block.frame_size)}
        );
    }
    blob_bytes += bytes.size();
    if (auto done = blob.write(bytes); !done) {
        record_failure(std::move(done).error());
    }
}

/// The tar and, beside it, the contents in it: as much of one as of the other at a time, the tar in
/// whole blocks of the hash.
void BlockPipeline::Shared::hash(Block& block) {
    if (block.hashed) {
        return;
    }
    if (block.at_point) {
        points.push_back(tar_hasher.point());
    }
    ByteSpan tar(block.tar.bytes.get(), block.tar_size);
    for (const ContentPiece& piece : block.pieces) {
        const std::size_t beside =
            (piece.size + k_hash_block_bytes - 1) / k_hash_block_bytes * k_hash_block_bytes;
        const ByteSpan part = tar.first(std::min(beside, tar.size()));
        Hasher::update_pair(
            content_hasher,
            ByteSpan(block.tar.bytes.get() + piece.offset, piece.size),
            tar_hasher,
            part
        );
        tar = tar.subspan(part.size());
        if (piece.part.last) {
            contents.emplace_back(piece.part.file, content_hasher.finish());
        }
    }
    tar_hasher.update(tar);
}

void BlockPipeline::Shared::compress(Block& block) {
    if (compression == Compression::none) {
        return;
    }
    auto compressor = buffers->take_compressor(compression, level);
    ASSERT(compressor.has_value());  // open() took one
    block.frame = buffers->take_frame();
    const MutableByteSpan into = block.frame.reserve((*compressor)->bound(block.tar_size));
    block.frame_size =
        (*compressor)->compress(ByteSpan(block.tar.bytes.get(), block.tar_size), into);
    buffers->give_compressor(compression, level, std::move(*compressor));
}

void BlockPipeline::Shared::unpack(Block& block) {
    if (block.hashed) {
        return;
    }
    auto decompressor = buffers->take_decompressor(compression);
    block.tar = buffers->take_tar();
    const MutableByteSpan into = block.tar.reserve(k_frame_tar_bytes).first(block.tar_size);
    const ByteSpan frame(block.frame.bytes.get(), block.frame_size);
    if (auto done = decompressor->decompress(frame, into); !done) {
        record_failure(std::move(done).error().with_hint("kiln verify names what is damaged"));
    }
    buffers->give_decompressor(compression, std::move(decompressor));
}

void BlockPipeline::Shared::record_failure(Error error) {
    const std::lock_guard lock(mutex);
    if (!failure) {
        failure = std::move(error);
    }
}

}  // namespace kiln
