#pragma once

#include "layers/block_buffers.hpp"
#include "layers/compress/compressor.hpp"
#include "store/base/bytes.hpp"
#include "store/base/pool.hpp"
#include "store/digest.hpp"
#include "store/hasher.hpp"
#include "store/layer_facts.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

namespace kiln {

/// Tar bytes in, blob out: cut into blocks, hashed, compressed by the pool and written in order.
/// The caller helps while it would otherwise wait, so a pool of any size is enough, also one whose
/// only thread is the caller. At most 2 * threads + 2 blocks are held. The bytes never depend on
/// who did what.
/// Thread   one caller; `pool` and `blob` outlive the pipeline, writes to `blob` come from one
///          thread at a time.
class BlockPipeline {
  public:
    /// A piece of a file whose content is hashed along the way.
    struct ContentPart {
        std::size_t file = 0;  // comes back in Outcome::contents
        bool last = false;
    };

    struct Outcome {
        Digest diff_id;
        std::uint64_t tar_bytes = 0;
        Dress dress;
        std::vector<std::pair<std::size_t, Digest>> contents;
        std::vector<Hasher::Point> points;  // of the tar, at each mark() that was hashed
    };

    /// Errors   invalid_input for a level that the compression lacks.
    static Result<std::unique_ptr<BlockPipeline>> open(
        Compression compression,
        std::optional<int> level,
        std::shared_ptr<BlockBuffers> buffers,
        ThreadPool& pool,
        ByteSink& blob,
        std::stop_token stop
    );
    BlockPipeline(const BlockPipeline&) = delete;
    BlockPipeline& operator=(const BlockPipeline&) = delete;
    /// What was begun is waited for, what was not is dropped.
    ~BlockPipeline();

    /// Where the next tar bytes go: never empty, at most the rest of a block.
    /// Errors   cancelled, and those of the sink.
    Result<MutableByteSpan> room();
    /// That many bytes of room() are filled now.
    void advance(std::size_t count, std::optional<ContentPart> part = std::nullopt);
    Result<void> write(ByteSpan tar_bytes);
    /// What comes next begins a block, and so a frame, of its own.
    void cut();
    /// The same, and where the hash of the tar then stands is worth remembering. Whole 64 bytes of
    /// tar come before it, and something comes after.
    void mark();
    /// The hash of the tar is known up to here: blocks before are copied, not hashed. Call first.
    void hash_from(const Hasher::Point& point);
    /// A frame of another blob as it is, unpacked only for the hash. Not of plain tars, which are
    /// written. Errors   corrupt when `from` ends early or holds no such frame, perhaps later.
    Result<void> copy(const Frame& frame, ByteSource& from);

    /// Tar bytes taken so far.
    [[nodiscard]] std::uint64_t tar_bytes() const { return tar_bytes_; }

    /// What went wrong beside the caller: in the blob, or in what was copied.
    [[nodiscard]] Result<void> failure() const;

    Result<Outcome> finish();

  private:
    struct Shared;
    Result<void> begin_block();
    void end_block();
    explicit BlockPipeline(ThreadPool& pool, std::shared_ptr<Shared> shared);

    ThreadPool& pool_;
    std::shared_ptr<Shared> shared_;
    std::uint64_t tar_bytes_ = 0;
    bool filling_ = false;  // a block is at hand
    bool marked_ = false;   // the next block begins at a point
    std::uint64_t hashed_before_ = 0;
};

}  // namespace kiln
